package audit

import (
	"bytes"
	"runtime/pprof"
	"strings"
)

// Goroutines returns the stacks of all goroutines.
func Goroutines() string {
	var b bytes.Buffer

	_ = pprof.Lookup("goroutine").WriteTo(&b, 2) // a buffer does not fail

	return b.String()
}

// Left returns those of the stacks that are of the framework or of an actor, and not of one of the functions in except.
func Left(stacks string, except ...string) (left []string) {
	for stack := range strings.SplitSeq(stacks, "\n\n") {
		if !strings.Contains(stack, "github.com/troupe-go/troupe/") && !strings.Contains(stack, "protoactor-go") {
			continue
		}

		ours := false
		for _, e := range except {
			ours = ours || strings.Contains(stack, e)
		}

		if !ours {
			left = append(left, stack)
		}
	}

	return left
}

// maxStack is how much of a stack is kept, in bytes.
const maxStack = 4096

// CheckGoroutines notes goroutines that should have ended.
func (a *Audit) CheckGoroutines(left []string) {
	for _, stack := range left {
		if len(stack) > maxStack {
			stack = stack[:maxStack] + "…"
		}

		a.Violatef("A4", "a goroutine is left:\n%s", stack)
	}
}
