package waits

import "runtime"

// Loop is what an actor does on a goroutine of its own.
type Loop interface {
	// Loop must not be inlined into [Run].
	Loop()
}

// Run runs the loop. It marks the goroutine as an actor's own: see [Graph.Depth].
//
//go:noinline
func Run(l Loop) { l.Loop() }

// probe is the loop that finds out what the frame of Run looks like from within.
type probe struct{ caller uintptr }

// Loop notes where in Run it was called.
//
//go:noinline
func (p *probe) Loop() {
	const skip = 2 // runtime.Callers and Loop

	var pcs [1]uintptr

	runtime.Callers(skip, pcs[:])
	p.caller = pcs[0]
}

// frame returns the return address of the call in Run, which marks its frame on a stack.
func frame() uintptr {
	p := new(probe)
	Run(p)

	return p.caller
}

// Depth returns how many calls of [Run] the calling goroutine is in. It is 0 on a goroutine that is no actor's own,
// whatever context it has, and more than 1 where an actor runs a turn of another. It costs half a microsecond and more
// on a deep stack, so it is for those about to wait.
func (g *Graph) Depth() (depth int) {
	const (
		skip = 2 // runtime.Callers and Depth
		most = 64
	)

	var pcs [most]uintptr

	for from := skip; ; from += most {
		n := runtime.Callers(from, pcs[:])
		for _, pc := range pcs[:n] {
			if pc == g.frame {
				depth++
			}
		}

		if n < most {
			return depth
		}
	}
}
