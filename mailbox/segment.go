package mailbox

import (
	"sync"
	"unsafe" //nolint:depguard // for the size of a message, with Sizeof only
)

// Segment sizes, in messages. A lane begins small, so that an idle actor costs little, and grows to segments that make
// a hand-over rare. A segment of large messages is shorter: maxBytes is about what a memory page holds.
const (
	firstSegment = 8
	maxSegment   = 128
	maxBytes     = 4096
)

// segment is a stretch of a lane's queue: the messages numbered base, base+1, … up to len(slots).
type segment[M any] struct {
	base  uint64
	slots []M
	next  *segment[M]
	// shared says that a revoked lease may still read and clear slots that it has claimed: it is not used again.
	shared bool
}

func (s *segment[M]) end() uint64 { return s.base + uint64(len(s.slots)) }

// largest returns the length of a full-size segment.
func largest[M any]() int {
	var m M

	return max(firstSegment, min(maxSegment, maxBytes/max(1, int(unsafe.Sizeof(m)))))
}

// newSegment returns the next segment for a lane: a small one for a lane that has none, else of full size.
func (b *Mailbox[M]) newSegment(l *lane[M]) *segment[M] {
	if l.last == nil && !l.grown {
		return &segment[M]{slots: make([]M, firstSegment)}
	}

	l.grown = true

	if s, ok := b.segments.Get().(*segment[M]); ok {
		return s
	}

	return &segment[M]{slots: make([]M, largest[M]())}
}

// release gives up a segment, all of whose messages are gone. Those of full size can be used again by any mailbox of
// the message type; the garbage collector takes what stays unused.
func (b *Mailbox[M]) release(s *segment[M]) {
	s.next = nil
	if !s.shared && len(s.slots) == largest[M]() {
		b.segments.Put(s)
	}
}

// pools holds a pool of segments per message type of the program, of which there are as many as it has types; the key
// is a nil pointer of that type.
var pools sync.Map //nolint:gochecknoglobals // what is pooled is worth the more the more mailboxes share it

// segmentsOf returns the pool of segments for messages of type M.
func segmentsOf[M any]() *sync.Pool {
	key := (*M)(nil)

	known, ok := pools.Load(key)
	if !ok {
		known, _ = pools.LoadOrStore(key, new(sync.Pool))
	}

	p, _ := known.(*sync.Pool) // nothing else is stored

	return p
}
