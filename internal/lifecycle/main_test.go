package lifecycle_test

import (
	"flag"
	"testing"

	"go.uber.org/goleak"
)

// worlds is how many random worlds a run of the tests looks at, unless -rapid.checks says otherwise: about a second.
const worlds = "2000"

func TestMain(m *testing.M) {
	if err := flag.Set("rapid.checks", worlds); err != nil {
		panic(err)
	}

	goleak.VerifyTestMain(m)
}
