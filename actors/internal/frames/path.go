// Package frames tells whether a goroutine has come to a place by the same calls as before. That costs a few loads; to
// walk its stack again, with [runtime.Callers], costs some 80 ns a call.
package frames

import (
	"runtime"
	"slices"
	"unsafe" //nolint:depguard // to read the goroutine's own stack, which nothing else can
)

// Path is how a goroutine has come to a place: the frames of the calls that led there, the last one first. A function
// that calls another has a frame, and at its frame pointer it keeps that of who called it, and behind it the address it
// will return to. All that [runtime.Callers] tells follows from those addresses, also what was inlined. The nil Path is
// none.
type Path []frame

type frame struct {
	up      uintptr // how far up the stack the frame of the caller is, in bytes
	returns uintptr // where in the caller it will return to
}

// The bounds of what is looked at.
const (
	maxFrames = 64
	maxFrame  = 1 << 16 // bytes
)

// Look returns the path from the frame at a pointer to the call that returns to an address. Calls are what
// [runtime.Callers] has found on it. It returns nil if there is no such call, and if one of them has no frame that the
// path comes by: one that was interrupted by a signal, such as for a nil pointer, assembly without frames, and what a
// [runtime.Goexit] that went on after a recovered panic leaves out.
func Look(at unsafe.Pointer, until uintptr, calls []uintptr) Path {
	if at == nil {
		return nil
	}

	var p Path

	for range maxFrames {
		f := read(at)
		if f != read(at) {
			return nil // the stack was moved meanwhile
		}

		p = append(p, f)

		switch {
		case f.returns == until && p.tells(calls):
			return p
		case f.returns == until:
			return nil
		case f.up == 0 || f.up > maxFrame: // the end, or code that uses the frame pointer for something else
			return nil
		}

		at = unsafe.Add(at, f.up)
	}

	return nil
}

// read returns the frame at a pointer. The runtime can move a stack at any time. It mends pointers then, but not
// numbers that were made of them, so what is returned may not be true.
func read(at unsafe.Pointer) frame {
	const word = unsafe.Sizeof(uintptr(0))

	return frame{up: *(*uintptr)(at) - uintptr(at), returns: *(*uintptr)(unsafe.Add(at, word))}
}

// tells reports whether all calls are on the path, in their order. It may have more: of functions that the compiler has
// made, which are not told.
func (p Path) tells(calls []uintptr) bool {
	frames := runtime.CallersFrames(calls)

	for last := (runtime.Frame{}); len(calls) > 0; calls = calls[1:] {
		f, _ := frames.Next()

		// The last one may have been inlined into this one, which has no call of its own then.
		if last.Entry != f.Entry || last.Func != nil {
			at := slices.IndexFunc(p, func(on frame) bool { return on.returns == calls[0] })
			if at < 0 {
				return false
			}

			p = p[at+1:]
		}

		last = f
	}

	return true
}

// Again reports whether the calls that have led to the frame at a pointer are those of the path.
func (p Path) Again(at unsafe.Pointer) bool {
	if at == nil || p == nil {
		return false
	}

	for i := range p {
		if read(at) != p[i] { // or the stack was moved meanwhile
			return false
		}

		at = unsafe.Add(at, p[i].up)
	}

	return true
}
