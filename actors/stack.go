package actors

import (
	"fmt"
	"runtime"
	"slices"
	"strings"

	"github.com/troupe-go/troupe/actors/internal/frames"
)

// Stack is a call stack as program counters.
type Stack []uintptr

// String prints the stack, one function and position per call.
func (s Stack) String() string {
	var b strings.Builder

	all := runtime.CallersFrames(s)
	for {
		f, more := all.Next()
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

// trace is what a runner knows of panics of its actor since the first. Its stacks end with Receive.
type trace struct {
	edge  uintptr // where the runner called Receive; 0 if that was not found
	walks uint    // how many stacks were walked
	calls Stack   // the one that was found on path
	path  frames.Path
}

// panicError is newPanicError for a panic of Receive. To walk a stack is a quarter of what a restart costs, and an
// actor that panics again often does so at the same place: then what is known is not walked again. To know the next
// time costs something too. That is spent on the first stack that is walked, the second, the fourth, and so on.
//
//go:noinline
func (t *trace) panicError(value any) *PanicError {
	at := frames.Pointer()
	if t.path.Again(at) {
		return &PanicError{Value: value, Stack: t.calls}
	}

	const skip = 3 // Callers, panicError, the deferred function

	var calls [maxStack]uintptr

	stack := Stack(calls[:runtime.Callers(skip, calls[:])])
	end := t.end(stack)

	if end >= 0 {
		stack = stack[:end]
	}

	stack = slices.Clip(slices.Clone(stack))

	t.walks++
	if end >= 0 && t.walks&(t.walks-1) == 0 {
		t.calls, t.path = stack, frames.Look(at, t.edge, stack)
	}

	return &PanicError{Value: value, Stack: stack}
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
