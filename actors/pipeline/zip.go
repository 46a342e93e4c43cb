package pipeline

import (
	"context"
	"sync"

	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/supervision"
)

// Pair is what a [Zip] makes one item of.
type Pair[A, B any] struct {
	Left  A
	Right B
}

// Zip makes one item of one of each flow, in their order. If both come of one broadcast, what stands between must keep
// one item one, in order, and an item that was filtered or has failed on one side has no pair: its other half is done.
// When one flow has ended, what is left of the other becomes dead letters, with [ErrUnpaired]. It has one worker.
func Zip[A, B, Out any](
	left Flow[A], right Flow[B], name string, fn func(ctx context.Context, a A, b B) (Out, error), s Stage,
) Flow[Out] {
	p := New("", Options{})
	if left.from != nil {
		p = left.from.pipeline
	}

	v := p.add(name, zipKind, s, 2, 1)
	connect(left, v, 0)
	connect(right, v, 1)
	v.checkFunc(fn == nil)
	v.diverts = divertible[Pair[A, B]]
	v.open = func(r *run) {
		inlet[A](r, v, 0)
		inlet[B](r, v, 1)
	}
	v.declare = func(r *run, spec supervision.Spec) (supervision.Child, member) {
		st := newStage[Pair[A, B], Out](r, v, func(supervision.Deps) (job[Pair[A, B], Out], error) {
			pair := func(ctx context.Context, p Pair[A, B]) (Out, error) { return fn(ctx, p.Left, p.Right) }

			return job[Pair[A, B], Out]{one: mapped(pair)}, nil
		})
		st.queue = newQueue[Pair[A, B]](v.capacity(), 1)
		z := &zipper[A, B]{
			left: queueOf[A](r, v, 0), right: queueOf[B](r, v, 1), again: st.queue, flight: r.flight,
			letter: func(value any, reason mailbox.Reason, cause error) {
				st.letter(value, reason, cause, mailbox.Delivery{})
			},
		}
		z.left.lose, z.right.lose = lone[A, B, A](z), lone[A, B, B](z)
		st.in, st.pairs = z, z

		return st.child(spec)
	}

	return Flow[Out]{v, 0}
}

// zipper is what a zip takes its pairs from: two queues, and that of pairs which were replayed. One worker takes.
type zipper[A, B any] struct {
	left   *queue[A]
	right  *queue[B]
	again  *queue[Pair[A, B]]
	flight *inflight
	letter func(value any, reason mailbox.Reason, cause error)

	both  sync.Mutex // held while something is taken from both sides: what is on one of them is on the other one too
	mu    sync.Mutex
	alone mailbox.Counts // items that have had no pair, by reason; guarded by mu
}

// take pairs what there is on both sides.
func (z *zipper[A, B]) take(p parker, dst []item[Pair[A, B]]) (n int, ended bool) {
	if n, _ = z.again.take(p, dst); n > 0 {
		return n, false
	}

	z.both.Lock()

	a, leftEnded := z.left.look(p)
	b, rightEnded := z.right.look(p)

	if n = min(a, b, len(dst)); n > 0 {
		as, bs := make([]item[A], n), make([]item[B], n)
		z.left.take(nil, as)
		z.right.take(nil, bs)
		z.both.Unlock()

		for i := range n {
			dst[i] = z.pair(as[i], bs[i])
		}

		return n, false
	}

	z.both.Unlock()

	if leftEnded && b > 0 {
		unpaired(z, z.right, b)
		signal(p) // where there was something, p is not woken by what comes next: look again
	}

	if rightEnded && a > 0 {
		unpaired(z, z.left, a)
		signal(p)
	}

	return 0, leftEnded && rightEnded
}

// pair makes one item of two.
func (z *zipper[A, B]) pair(a item[A], b item[B]) item[Pair[A, B]] {
	if a.mark.hole() || b.mark.hole() {
		z.flight.settle([]mark{a.mark, b.mark}, nil)

		return hole[Pair[A, B]]()
	}

	return item[Pair[A, B]]{Pair[A, B]{a.value, b.value}, mark{group: &group{refs: 1, marks: []mark{a.mark, b.mark}}}}
}

// unpaired makes letters of n items of a side whose other side has ended.
func unpaired[A, B, T any](z *zipper[A, B], q *queue[T], n int) {
	items := make([]item[T], n)
	n, _ = q.take(nil, items)
	single(z, items[:n], mailbox.Failed, ErrUnpaired, nil)
}

// single makes letters of items without a pair.
func single[A, B, T any](z *zipper[A, B], items []item[T], reason mailbox.Reason, cause, ack error) {
	for i := range items {
		if !items[i].mark.hole() {
			z.letter(items[i].value, reason, cause)
		}

		z.flight.settle([]mark{items[i].mark}, ack)
	}

	z.mu.Lock()
	defer z.mu.Unlock()

	z.alone[reason] += uint64(len(items))
}

// lone returns what makes letters of items that a side has accepted and does not get.
func lone[A, B, T any](z *zipper[A, B]) func(items []item[T], reason mailbox.Reason, cause error) {
	return func(items []item[T], reason mailbox.Reason, cause error) { single(z, items, reason, cause, ErrStopped) }
}

func (z *zipper[A, B]) end() {
	z.left.end()
	z.right.end()
}

func (z *zipper[A, B]) forget(p parker) {
	z.left.forget(p)
	z.right.forget(p)
	z.again.forget(p)
}

func (z *zipper[A, B]) drop(reason mailbox.Reason, cause error) []item[Pair[A, B]] {
	z.both.Lock()
	as, bs := z.left.drop(reason, cause), z.right.drop(reason, cause)
	z.both.Unlock()

	single(z, as, reason, cause, ErrStopped)
	single(z, bs, reason, cause, ErrStopped)

	return z.again.drop(reason, cause)
}

// counts implements inflow; a pair is two items.
func (z *zipper[A, B]) counts() (waiting int, accepted uint64) {
	a, accepted := z.left.counts()
	b, more := z.right.counts()
	pairs, again := z.again.counts()

	return a + b + 2*pairs, accepted + more + 2*again
}

// halves makes of figures about pairs those about items, and adds what has had no pair.
func (z *zipper[A, B]) halves(s *mailbox.Stats) {
	z.mu.Lock()
	defer z.mu.Unlock()

	s.Processed *= 2
	s.Failed = 2*s.Failed + z.alone[mailbox.Failed]

	for r := range s.DeadLettered {
		s.DeadLettered[r] *= 2
		if mailbox.Reason(r) != mailbox.Failed {
			s.DeadLettered[r] += z.alone[r]
		}
	}
}
