package waits

import "runtime"

// Loop is what an actor does on a goroutine of its own.
type Loop interface {
	// Loop must not be inlined into [Run] or [RunAs].
	Loop()
}

// Run runs the loop. It marks the goroutine as an actor's own: see [Graph.Depth].
//
//go:noinline
func Run(l Loop) { l.Loop() }

// Depth returns how many calls of [Run] and [RunAs] the calling goroutine is in. It is 0 on a goroutine that is no
// actor's own, whatever context it has, and more than 1 where an actor runs a turn of another. It costs half a
// microsecond and more on a deep stack, so it is for those about to wait.
func (g *Graph) Depth() (depth int) {
	const (
		skip = 2 // runtime.Callers and Depth
		most = 64
	)

	var pcs [most]uintptr

	m := g.marks

	for from := skip; ; from += most {
		n := runtime.Callers(from, pcs[:])
		for _, pc := range pcs[:n] {
			if m.runs(pc) {
				depth++
			}
		}

		if n < most {
			return depth
		}
	}
}
