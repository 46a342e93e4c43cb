package plugin_test

import (
	"fmt"
	"os"
)

// misbehave is the main function of a plugin that is none.
func misbehave(kind string, _ []string) {
	fmt.Fprintln(os.Stderr, "no such plugin:", kind)
	os.Exit(1) //nolint:revive // it stands for main
}
