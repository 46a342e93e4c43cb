package store_test

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"
)

// TestMain runs the child of the crash test instead of the tests when it is asked to.
func TestMain(m *testing.M) {
	if path := os.Getenv(crashEnv); path != "" {
		fmt.Fprintln(os.Stderr, crashChild(path)) // does not return without an error
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}
