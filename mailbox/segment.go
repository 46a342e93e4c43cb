package mailbox

// Segment sizes, in messages. A lane begins small, so that an idle actor costs little, and grows to segments that
// make an allocation rare.
const (
	firstSegment = 8
	maxSegment   = 128
)

// segment is a stretch of a lane's queue: the messages numbered base, base+1, … up to len(slots).
//
// A slot is written once by the sender that owns its number (under lane.mu), read and cleared once by the receiver.
type segment[M any] struct {
	base  uint64
	slots []M
	// next is written under lane.mu before any message of the next segment is published, and read under lane.mu.
	next *segment[M]
	// shared says that a revoked lease may still read and clear the slots that it has claimed. Guarded by lane.mu.
	shared bool
}

func (s *segment[M]) end() uint64 { return s.base + uint64(len(s.slots)) }

// segments are kept for reuse, linked through next. Guarded by lane.mu.
type segments[M any] struct {
	first *segment[M]
	count int // at most maxSegments
}

// maxSegments bounds what a lane keeps for reuse: as many as hold 1,024 messages.
const maxSegments = 8

// put keeps a segment that nobody uses any more, if it is of full size and there is room for it.
func (f *segments[M]) put(s *segment[M]) {
	if len(s.slots) == maxSegment && f.count < maxSegments {
		s.next, f.first = f.first, s
		f.count++
	}
}

// take returns a segment, or nil if none is kept.
func (f *segments[M]) take() *segment[M] {
	s := f.first
	if s != nil {
		f.first = s.next
		f.count--
	}

	return s
}
