package pipeline

import (
	"context"
	"sync"
)

// inflight knows which items of the sources are on their way. It is guarded by one mutex, taken once for each handful
// of items at the source and where they are settled, not at the stages between.
type inflight struct {
	mu      sync.Mutex
	sources []*tracker
	failure error         // why the pipeline has failed
	given   error         // why an item was given back although it has not
	over    chan struct{} // closed when all is finished and told, or the pipeline has failed
	isOver  bool
	leaving int           // workers that have ended, or are about to, with items that they have still to give back
	left    chan struct{} // closed when none is leaving; nil if nobody waits
}

func newInflight() *inflight { return &inflight{over: make(chan struct{})} }

// add adds the tracker of a source.
func (f *inflight) add(limit int, acks, commits bool) *tracker {
	t := &tracker{
		all: f, id: uint64(len(f.sources)+1) << sourceShift, limit: uint64(limit), //nolint:gosec // positive
		ring: make([]entry, firstRing), acks: acks, commits: commits,
		changed: make(chan struct{}, 1), room: make(chan struct{}, 1),
		urgent: make(chan struct{}, 1), settled: make(chan struct{}),
	}
	f.sources = append(f.sources, t)

	return t
}

// fork notes that each of the marks stands for one value more.
func (f *inflight) fork(marks []mark, more int) {
	f.mu.Lock()
	defer f.mu.Unlock()

	for _, m := range marks {
		switch {
		case m.group != nil:
			m.group.refs += more
		case m.n != 0 && !m.hole():
			f.of(m).at(m.n & seqMask).refs += int32(more) //nolint:gosec // at most the number of ports or of a hand
		}
	}
}

func (f *inflight) of(m mark) *tracker { return f.sources[m.n>>sourceShift-1] }

// settle notes that a value of each mark is finished: with an error, if it is not to be acknowledged.
func (f *inflight) settle(marks []mark, err error) {
	if len(marks) == 0 {
		return
	}

	f.mu.Lock()
	f.settleAll(marks, err)
	f.wake()
	f.mu.Unlock()
}

func (f *inflight) settleAll(marks []mark, err error) {
	for _, m := range marks {
		switch {
		case m.group != nil:
			f.settleGroup(m.group, err)
		case m.n != 0 && !m.hole():
			f.of(m).settle(m.n&seqMask, err)
		}
	}
}

func (f *inflight) settleGroup(g *group, err error) {
	g.refs--

	if g.err == nil {
		g.err = err
	}

	if g.refs == 0 {
		f.settleAll(g.marks, g.err)
	}
}

// wake tells those who wait that something has changed. Called with mu held.
func (f *inflight) wake() {
	over := f.failure != nil

	if !over {
		over = true

		for _, t := range f.sources {
			over = over && t.over()
		}
	}

	for _, t := range f.sources {
		if t.pending() {
			signal(t.changed)
		}

		signal(t.room)

		if t.ended && t.open == 0 && !t.isSettled {
			t.isSettled = true
			close(t.settled)
		}
	}

	if over && !f.isOver {
		f.isOver = true
		close(f.over)
	}
}

// signal wakes whoever waits on a channel that holds one.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default: // it is awake
	}
}

// fail acknowledges everything that is unfinished negatively. Only the first failure counts.
func (f *inflight) fail(cause error) {
	f.mu.Lock()
	defer f.mu.Unlock()

	if f.failure != nil || f.isOver {
		return
	}

	f.failure = cause

	for _, t := range f.sources {
		for seq := t.first; seq < t.next; seq++ {
			if e := t.at(seq); e.state == unfinished {
				t.finish(seq, e, returned, cause)
			}
		}
	}

	f.wake()
}

// leave notes that so many workers of a stage that has ended for good will give back what they have in hand.
func (f *inflight) leave(workers int) {
	f.mu.Lock()
	defer f.mu.Unlock()

	f.leaving += workers
}

// hasLeft notes that one of them has.
func (f *inflight) hasLeft() {
	f.mu.Lock()
	defer f.mu.Unlock()

	f.leaving--
	if f.leaving == 0 && f.left != nil {
		close(f.left)
		f.left = nil
	}
}

// allLeft waits until they all have. They are in no function of a user's and come back of themselves.
func (f *inflight) allLeft(ctx context.Context) error {
	f.mu.Lock()

	if f.leaving == 0 {
		f.mu.Unlock()

		return nil
	}

	if f.left == nil {
		f.left = make(chan struct{})
	}

	left := f.left
	f.mu.Unlock()

	select {
	case <-left:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// failed returns why the pipeline has failed, or nil.
func (f *inflight) failed() error {
	f.mu.Lock()
	defer f.mu.Unlock()

	return f.failure
}

// err returns why items were given back, or nil.
func (f *inflight) err() error {
	f.mu.Lock()
	defer f.mu.Unlock()

	if f.failure != nil {
		return f.failure
	}

	return f.given
}
