package main

import (
	"runtime"
	"strings"
)

// maxStacks bounds the text of all stacks, in bytes: enough for a thousand goroutines.
const maxStacks = 1 << 20

// parked returns how many goroutines wait for something inside the named function: those that the runtime would not run
// if it had a CPU free. It stops the world to look.
func parked(function string) int {
	stacks := make([]byte, maxStacks)
	stacks = stacks[:runtime.Stack(stacks, true)]
	n := 0

	for stack := range strings.SplitSeq(string(stacks), "\n\n") {
		// The head says: goroutine 7 [select]: or goroutine 7 [chan receive, 2 minutes]:
		head, frames, _ := strings.Cut(stack, "\n")
		if waits(head) && strings.Contains(frames, "."+function+"(") {
			n++
		}
	}

	return n
}

// waits reports whether a goroutine waits, by the head of its stack.
func waits(head string) bool {
	for _, state := range []string{"[running", "[runnable", "[syscall"} {
		if strings.Contains(head, state) {
			return false
		}
	}

	return true
}
