package actors

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
)

// Stack is a call stack as program counters.
type Stack []uintptr

// String prints the stack, one function and position per call.
func (s Stack) String() string {
	var b strings.Builder

	frames := runtime.CallersFrames(s)
	for {
		f, more := frames.Next()
		if f.Function != "" {
			fmt.Fprintf(&b, "%s\n\t%s:%d\n", f.Function, f.File, f.Line)
		}

		if !more {
			return b.String()
		}
	}
}

// maxStack bounds a stack, in calls; the outermost are left out.
const maxStack = 64

// newPanicError is called in a deferred function with the recovered value.
func newPanicError(value any) *PanicError {
	const skip = 3 // Callers, newPanicError, the deferred function

	var calls [maxStack]uintptr // most stacks are a fraction of it

	return &PanicError{Value: value, Stack: slices.Clone(calls[:runtime.Callers(skip, calls[:])])}
}

// trace is what a runner knows of panics of its actor since the first. Walking a stack is most of what a panic costs,
// and half the calls on it are the runner's own: it looks no further than it must. Its stacks end with Receive.
type trace struct {
	edge  uintptr // where the runner calls Receive; 0 if that was not found
	depth int     // how many calls the last stack had, down to the edge
}

// panicError is newPanicError for a panic of Receive.
func (t *trace) panicError(value any) *PanicError {
	const skip = 3 // Callers, panicError, the deferred function

	var calls [maxStack]uintptr

	stack := calls[:]
	if t.depth > 0 {
		stack = calls[:t.depth] // an actor that panics again often does so at the same place
	}

	n := runtime.Callers(skip, stack)

	end := t.end(stack[:n])
	if end < 0 && n < maxStack {
		stack = calls[:runtime.Callers(skip, calls[:])]
		end = t.end(stack)
	}

	if end < 0 {
		return &PanicError{Value: value, Stack: slices.Clone(stack)}
	}

	t.depth = end + 1

	return &PanicError{Value: value, Stack: slices.Clone(stack[:end])}
}

// end returns where the runner's calls begin, or -1 if they do not.
func (t *trace) end(stack Stack) int {
	if t.edge == 0 {
		t.edge = stack.edge()
	}

	return slices.Index(stack, t.edge)
}

// edge returns the innermost call out of a runner's loop, or 0.
func (s Stack) edge() uintptr {
	for i := range s {
		f, _ := runtime.CallersFrames(s[i : i+1]).Next()
		if strings.HasPrefix(f.Function, "github.com/troupe-go/troupe/actors.(*runner[") &&
			strings.HasSuffix(strings.ToLower(f.Function), ".loop") {
			return s[i]
		}
	}

	return 0
}
