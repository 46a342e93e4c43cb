package console_test

import (
	"testing"

	"go.uber.org/goleak"
)

// The package starts no goroutine, and neither may the bar it draws.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
