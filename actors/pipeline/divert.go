package pipeline

import "github.com/troupe-go/troupe/mailbox"

// Failure is an item that has failed, where it was diverted to.
type Failure[T any] struct {
	// Item as the stage got it.
	Item T
	// Stage is the path of the stage it has failed in.
	Stage string
	// Err is why.
	Err error
}

// Side is where stages divert items to that have failed. Make one with [NewSide].
type Side[T any] struct{ v *vertex }

// NewSide declares a stage that takes the failures of others, those whose items are of type T. Their Stage.Failed names
// it, with [Side.Policy]; at least one must.
func NewSide[T any](p *Pipeline, name string, s Stage) (Side[T], Flow[Failure[T]]) {
	v := p.add(name, mergeKind, s, 1, 1)
	v.side = true
	flow := stageOf(v, fixed(func(*stage[Failure[T], Failure[T]]) operation[Failure[T], Failure[T]] {
		return pass[Failure[T]]
	}))

	return Side[T]{v}, flow
}

// Policy diverts failed items to the side. The item is done when what comes of it there is.
func (s Side[T]) Policy() Policy {
	if s.v == nil {
		return Policy{kind: divertItem}
	}

	return Policy{kind: divertItem, divert: side[T](s)}
}

// CopyPolicy sends failed items to the system's dead letters, as [DeadLetter] does, and diverts them to the side too,
// for a program that also records what has failed. The item is done when what comes of it there is. Items that the
// stage has crashed on are dead letters only.
func (s Side[T]) CopyPolicy() Policy {
	p := s.Policy()
	p.letter = true

	return p
}

// diversion is a side whatever its type.
type diversion interface {
	vertex() *vertex
	queue(r *run) any // a diverter of its type
}

// diverter takes failed items.
type diverter[T any] interface {
	put(p parker, f *failure[T], stage string) bool
	refuse(f *failure[T], stage string, reason mailbox.Reason, cause error)
	forget(p parker)
	done()
}

type side[T any] struct{ v *vertex }

func (s side[T]) vertex() *vertex { return s.v }

func (s side[T]) queue(r *run) any { return sideQueue[T]{queueOf[Failure[T]](r, s.v, 0)} }

type sideQueue[T any] struct{ queue *queue[Failure[T]] }

func (q sideQueue[T]) done() { q.queue.done() }

// put puts an item that has failed into the queue of the side. It reports false if there is no room: p is woken when
// there is. If nothing is taken in there any more the item is a dead letter of the side, and goes back to its source.
func (q sideQueue[T]) put(p parker, f *failure[T], stage string) bool {
	items := q.of(f, stage)

	n := q.queue.put(p, items)
	if n < 0 {
		q.queue.refuse(items, mailbox.Stopped, ErrStopped)
	}

	return n != 0
}

// refuse makes a dead letter of the side's of an item that will not be put.
func (q sideQueue[T]) refuse(f *failure[T], stage string, reason mailbox.Reason, cause error) {
	q.queue.refuse(q.of(f, stage), reason, cause)
}

func (q sideQueue[T]) of(f *failure[T], stage string) []item[Failure[T]] {
	return []item[Failure[T]]{{Failure[T]{f.item.value, stage, f.err}, f.item.mark}}
}

func (q sideQueue[T]) forget(p parker) { q.queue.forget(p) }

// divertible reports whether items of type T can be diverted there.
func divertible[T any](d diversion) bool {
	_, ok := d.(side[T])

	return ok
}
