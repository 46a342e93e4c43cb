package waits

import (
	"runtime"
	"sync"
)

// base is of the digits that a number is written in.
const base = 32

// RunAs is [Run] for the loop of one of many, who has a number. The number is on the stack, so that [Is] can tell whose
// goroutine it is called on: there is a frame for each digit, the last one first, and each digit has a call of its own,
// with a return address of its own. A goroutine has no other mark that is cheap to read and that no code of users can
// change. A digit costs 2 ns, the first one nothing.
//
//go:noinline
func RunAs(number uint64, l Loop) { //nolint:cyclop,funlen,gocyclo,maintidx // tables
	if number < base {
		switch number {
		case 0:
			l.Loop()
		case 1:
			l.Loop()
		case 2:
			l.Loop()
		case 3:
			l.Loop()
		case 4:
			l.Loop()
		case 5:
			l.Loop()
		case 6:
			l.Loop()
		case 7:
			l.Loop()
		case 8:
			l.Loop()
		case 9:
			l.Loop()
		case 10:
			l.Loop()
		case 11:
			l.Loop()
		case 12:
			l.Loop()
		case 13:
			l.Loop()
		case 14:
			l.Loop()
		case 15:
			l.Loop()
		case 16:
			l.Loop()
		case 17:
			l.Loop()
		case 18:
			l.Loop()
		case 19:
			l.Loop()
		case 20:
			l.Loop()
		case 21:
			l.Loop()
		case 22:
			l.Loop()
		case 23:
			l.Loop()
		case 24:
			l.Loop()
		case 25:
			l.Loop()
		case 26:
			l.Loop()
		case 27:
			l.Loop()
		case 28:
			l.Loop()
		case 29:
			l.Loop()
		case 30:
			l.Loop()
		default:
			l.Loop()
		}

		return
	}

	switch number % base {
	case 0:
		RunAs(number/base, l)
	case 1:
		RunAs(number/base, l)
	case 2:
		RunAs(number/base, l)
	case 3:
		RunAs(number/base, l)
	case 4:
		RunAs(number/base, l)
	case 5:
		RunAs(number/base, l)
	case 6:
		RunAs(number/base, l)
	case 7:
		RunAs(number/base, l)
	case 8:
		RunAs(number/base, l)
	case 9:
		RunAs(number/base, l)
	case 10:
		RunAs(number/base, l)
	case 11:
		RunAs(number/base, l)
	case 12:
		RunAs(number/base, l)
	case 13:
		RunAs(number/base, l)
	case 14:
		RunAs(number/base, l)
	case 15:
		RunAs(number/base, l)
	case 16:
		RunAs(number/base, l)
	case 17:
		RunAs(number/base, l)
	case 18:
		RunAs(number/base, l)
	case 19:
		RunAs(number/base, l)
	case 20:
		RunAs(number/base, l)
	case 21:
		RunAs(number/base, l)
	case 22:
		RunAs(number/base, l)
	case 23:
		RunAs(number/base, l)
	case 24:
		RunAs(number/base, l)
	case 25:
		RunAs(number/base, l)
	case 26:
		RunAs(number/base, l)
	case 27:
		RunAs(number/base, l)
	case 28:
		RunAs(number/base, l)
	case 29:
		RunAs(number/base, l)
	case 30:
		RunAs(number/base, l)
	default:
		RunAs(number/base, l)
	}
}

// Is reports whether the calling goroutine is in [RunAs] of that number, and in no other nor in a [Run] within.
func Is(number uint64) bool {
	const (
		skip = 2  // runtime.Callers and Is
		most = 64 // at a time
	)

	m := marks()
	if len(m.first) < base || len(m.others) < base {
		return true // the compiler has made one call of several: it cannot be told
	}

	var (
		pcs   [most]uintptr
		read  uint64
		found bool // the first digit was, and the others follow
	)

	for from := skip; ; from += most {
		n := runtime.Callers(from, pcs[:])

		for _, pc := range pcs[:n] {
			digit, is := m.others[pc]

			switch {
			case found && is:
				read = read*base + digit
			case found:
				return read == number
			case pc == m.run:
				return false
			default:
				read, found = m.first[pc]
			}
		}

		if n < most {
			return false // and no digits, after which there are always calls of others
		}
	}
}

// marked are the return addresses of calls.
type marked struct {
	run           uintptr            // of the loop in Run
	first         map[uintptr]uint64 // of the loop in RunAs, by first digits
	others        map[uintptr]uint64 // of RunAs in itself, by the other digits
	lowest, width uintptr            // the range of first
}

// runs reports whether the call is one of a loop.
func (m *marked) runs(call uintptr) bool {
	if call-m.lowest > m.width {
		return call == m.run
	}

	_, first := m.first[call]

	return first
}

var marks = sync.OnceValue(func() *marked { //nolint:gochecknoglobals // immutable
	var p probe

	Run(&p)

	m := &marked{run: p.calls[0], first: make(map[uintptr]uint64, base), others: make(map[uintptr]uint64, base)}
	highest := uintptr(0)

	for d := range uint64(base) {
		RunAs(d, &p)

		call := p.calls[0]
		m.first[call] = d

		if d == 0 || call < m.lowest {
			m.lowest = call
		}

		highest = max(highest, call)

		RunAs(base+d, &p) // the digits are 1 and d
		m.others[p.calls[1]] = d
	}

	m.width = highest - m.lowest

	return m
})

// probe is the loop that finds out what it looks like from within.
type probe struct{ calls [2]uintptr }

// Loop notes where it was called, and where that was.
//
//go:noinline
func (p *probe) Loop() {
	const skip = 2 // runtime.Callers and Loop

	runtime.Callers(skip, p.calls[:])
}
