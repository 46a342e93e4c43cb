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
	edge  uintptr // where the runner called Receive; 0 if that was not found
	depth int     // how many calls the last stack had, down to the edge
}

// panicError is newPanicError for a panic of Receive.
func (t *trace) panicError(value any) *PanicError {
	const skip = 3 // Callers, panicError, the deferred function

	var calls [maxStack]uintptr

	if t.depth > 0 { // an actor that panics again often does so at the same place
		stack := calls[:t.depth]
		stack = stack[:runtime.Callers(skip, stack)]

		if end := slices.Index(stack, t.edge); end >= 0 {
			return &PanicError{Value: value, Stack: slices.Clone(stack[:end])}
		}
	}

	stack := calls[:runtime.Callers(skip, calls[:])]
	if end := t.end(stack); end >= 0 {
		t.depth = end + 1
		stack = stack[:end]
	}

	return &PanicError{Value: value, Stack: slices.Clone(stack)}
}

// end returns where the runner's calls begin, or -1 if they do not. It calls Receive in more places than one.
func (t *trace) end(stack []uintptr) int {
	if end := slices.Index(stack, t.edge); end >= 0 {
		return end
	}

	end := slices.IndexFunc(stack, func(pc uintptr) bool {
		f, _ := runtime.CallersFrames([]uintptr{pc}).Next()

		return strings.HasPrefix(f.Function, "github.com/troupe-go/troupe/actors.(*runner[")
	})
	if end >= 0 {
		t.edge = stack[end]
	}

	return end
}

// NewPanicError makes the error of a panic, in a function that the deferred one calls which has recovered value. It is
// for code that runs functions of others for an actor, on goroutines of its own.
func NewPanicError(value any) *PanicError {
	const skip = 4 // Callers, NewPanicError, its caller, the deferred function

	var calls [maxStack]uintptr

	return &PanicError{Value: value, Stack: slices.Clone(calls[:runtime.Callers(skip, calls[:])])}
}
