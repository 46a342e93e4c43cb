package frames_test

import (
	"errors"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/troupe-go/troupe/actors/internal/frames"
)

// crasher calls its way down to a panic, as a script says.
type crasher struct {
	path   frames.Path // to the panic before
	known  []uintptr   // the calls of that
	script []byte
	at     int
	count  int // keeps calls from being the last thing a function does
}

var errDown = errors.New("down")

// The letters of a script. The functions of the first four have frames of one size.
const (
	left, leftToo, right, rightToo = 'l', 'L', 'r', 'R'
	wide, wrapped, within, anew    = 'w', 'i', 'n', 'a'
	thrown, index, null, nullToo   = '!', '9', '0', 'o'
)

// crash follows the script. It returns the calls up to its panic, and whether they were known to be those of the one
// before.
//
//go:noinline
func (c *crasher) crash(script []byte) (calls []uintptr, again bool) {
	c.script, c.at = script, 0

	defer func() {
		if v := recover(); v != nil {
			calls, again = c.told()
		}
	}()

	c.next()

	return nil, false
}

//go:noinline
func (c *crasher) told() (calls []uintptr, again bool) {
	const skip = 3 // Callers, told, the deferred function

	var all [200]uintptr

	calls = all[:runtime.Callers(skip, all[:])]
	end := slices.IndexFunc(calls, func(pc uintptr) bool {
		return strings.HasSuffix(runtime.FuncForPC(pc).Name(), "(*crasher).crash")
	})
	edge := calls[end]
	calls = slices.Clone(calls[:end])

	at := frames.Pointer()
	if c.path.Again(at) {
		return calls, true
	}

	c.path, c.known = frames.Look(at, edge, calls), calls

	return calls, false
}

// next does what the next letter says.
//
//go:noinline
func (c *crasher) next() {
	letter := c.script[c.at]
	c.at++

	switch letter {
	case left, leftToo:
		c.left(letter == left)
	case right, rightToo:
		c.right(letter == right)
	case wide:
		c.wide()
	case wrapped:
		var n nexter = bearer{c}

		n.next()
	case within:
		c.within()
	case anew:
		c.anew()
	case thrown:
		panic(errDown)
	case null:
		(*crasher)(nil).touch()
	case nullToo:
		(*crasher)(nil).touch()
	case index:
		c.script[len(c.script)+c.at]++
	}

	c.count++
}

// touch has no frame.
//
//go:noinline
func (c *crasher) touch() { c.at++ }

//go:noinline
func (c *crasher) left(first bool) {
	if first {
		c.next()
		c.count++
	} else {
		c.next()
		c.count--
	}
}

//go:noinline
func (c *crasher) right(first bool) {
	if first {
		c.next()
		c.count += 2
	} else {
		c.next()
		c.count -= 2
	}
}

//go:noinline
func (c *crasher) wide() {
	var room [40]int

	room[c.at%len(room)] = c.at
	c.next()
	c.count += room[c.count%len(room)]
}

func (c *crasher) within() {
	c.next()
	c.count++
}

// anew panics again with what it has recovered, so that there are two panics on the stack.
//
//go:noinline
func (c *crasher) anew() {
	defer func() {
		if v := recover(); v != nil {
			panic(v)
		}
	}()

	c.next()
}

type nexter interface{ next() }

// bearer has a method that the compiler makes.
type bearer struct{ *crasher }

// told is where those are known whose calls are in the path.
func TestAPathIsThatOfTheSameCallsOnly(t *testing.T) {
	t.Parallel()

	var again, could int

	rapid.Check(t, func(t *rapid.T) {
		c := new(crasher)
		calls := rapid.SliceOfN(rapid.SampledFrom([]byte{
			left, leftToo, right, rightToo, wide, wrapped, within, anew,
		}), 0, 4)
		ends := rapid.SampledFrom([]byte{thrown, index, null, nullToo})

		for range rapid.IntRange(2, 20).Draw(t, "panics") {
			script := append(calls.Draw(t, "calls"), ends.Draw(t, "end"))

			for range 2 {
				same := slices.Clone(c.known)
				found, known := c.crash(script)

				if known {
					require.Equal(t, same, found, "%s", script)

					again++
				}

				if end := script[len(script)-1]; slices.Equal(same, found) && end != null && end != nullToo {
					could++
				}
			}
		}
	})

	if frames.Pointer() == nil { // on this platform there are none
		could = 0
	}

	assert.Equal(t, could, again)
}

// What has no frame of the call that is looked for is no path.
func TestWhatCannotBeToldIsNoPath(t *testing.T) {
	t.Parallel()

	assert.Nil(t, frames.Look(nil, 0, nil))
	assert.Nil(t, frames.Look(frames.Pointer(), 1, nil), "up to the first function of a goroutine")
	assert.False(t, frames.Path(nil).Again(frames.Pointer()))
	assert.Nil(t, deep(100), "too many calls")
}

//go:noinline
func deep(calls int) frames.Path {
	if calls == 0 {
		return frames.Look(frames.Pointer(), 1, nil)
	}

	return append(deep(calls-1), nil...)
}
