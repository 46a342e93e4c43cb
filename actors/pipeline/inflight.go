package pipeline

import (
	"context"
	"sync"
	"time"
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
}

// tracker holds the unfinished items of one source: a window of numbers from first to below next. Guarded by
// inflight.mu.
type tracker struct {
	all         *inflight
	id          uint64  // as in marks
	ring        []entry // a power of two; grows to limit
	limit       uint64  // of unfinished items and acknowledgements that are still to be told, together
	first, next uint64
	open        int  // of the window, those that are unfinished
	ended       bool // there will be no more

	acks    bool  // the source wants acknowledgements
	commits bool  // the source wants offsets
	told    []Ack // to be told, at most limit
	telling int   // being told now
	done    uint64
	// committed is what the source has been told of done.
	committed uint64

	changed chan struct{} // there is something to tell; holds one
	room    chan struct{} // there is room for the source; holds one
}

// entry is one item of the window.
type entry struct {
	refs  int32
	state entryState
}

type entryState uint8

const (
	unfinished entryState = iota
	finished
	returned // acknowledged negatively
)

func newInflight() *inflight { return &inflight{over: make(chan struct{})} }

// add adds the tracker of a source.
func (f *inflight) add(limit int, acks, commits bool) *tracker {
	t := &tracker{
		all: f, id: uint64(len(f.sources)+1) << sourceShift, limit: uint64(limit), //nolint:gosec // positive
		ring: make([]entry, firstRing), acks: acks, commits: commits,
		changed: make(chan struct{}, 1), room: make(chan struct{}, 1),
	}
	f.sources = append(f.sources, t)

	return t
}

const firstRing = 64

// wait waits until there is room for another item, and returns for how many.
func (t *tracker) wait(ctx context.Context) (int, error) {
	for {
		t.all.mu.Lock()
		used := t.next - t.first + uint64(len(t.told)+t.telling) //nolint:gosec // not negative
		err := t.all.failure
		t.all.mu.Unlock()

		switch {
		case err != nil:
			return 0, err
		case used < t.limit: // an item that is finished early counts twice until the source has been told
			return int(t.limit - used), nil //nolint:gosec // at most the limit
		}

		select {
		case <-t.room:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}

// take numbers n items that the source has handed out and returns the mark of the first.
func (t *tracker) take(n int) uint64 {
	t.all.mu.Lock()
	defer t.all.mu.Unlock()

	first := t.next
	for range n {
		if t.next-t.first == uint64(len(t.ring)) {
			t.grow()
		}

		*t.at(t.next) = entry{refs: 1}
		t.next++
		t.open++
	}

	return t.id | first
}

func (t *tracker) at(seq uint64) *entry {
	return &t.ring[seq&uint64(len(t.ring)-1)] //nolint:gosec // there are always at least firstRing
}

func (t *tracker) grow() {
	old := *t
	t.ring = make([]entry, 2*len(old.ring))

	for seq := old.first; seq < old.next; seq++ {
		*t.at(seq) = *old.at(seq)
	}
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

// settle notes that a value of an item is finished. Called with mu held.
func (t *tracker) settle(seq uint64, err error) {
	if seq < t.first {
		return // not one that is on its way
	}

	e := t.at(seq)
	e.refs--

	switch {
	case e.state != unfinished:
		return // it was told of already
	case err != nil:
		t.finish(seq, e, returned, err)
	case e.refs == 0:
		t.finish(seq, e, finished, nil)
	}
}

func (t *tracker) finish(seq uint64, e *entry, s entryState, err error) {
	e.state = s
	t.open--

	if err != nil && t.all.given == nil {
		t.all.given = err
	}

	if t.acks {
		t.told = append(t.told, Ack{Item: seq, Err: err})
	}

	for t.first < t.next && t.at(t.first).state == finished {
		t.first++
	}

	t.done = t.first
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
	}

	if over && !f.isOver {
		f.isOver = true
		close(f.over)
	}
}

// pending reports whether there is something to tell the source. Called with mu held.
func (t *tracker) pending() bool { return len(t.told) > 0 || t.commits && t.done > t.committed }

// over reports whether the source has ended and knows all of its items. Called with mu held.
func (t *tracker) over() bool {
	return t.ended && t.open == 0 && t.telling == 0 && !t.pending()
}

// signal wakes whoever waits on a channel that holds one.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default: // it is awake
	}
}

// end notes that the source has no more items.
func (t *tracker) end() {
	t.all.mu.Lock()
	defer t.all.mu.Unlock()

	t.ended = true
	t.all.wake()
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

// maxTold is how many acknowledgements a source is told at a time.
const maxTold = 256

// tell tells the source what is pending, once. Buf is for the acknowledgements. Called by one goroutine at a time.
func (t *tracker) tell(ctx context.Context, source any, buf []Ack) error {
	t.all.mu.Lock()
	n := copy(buf[:maxTold], t.told)
	t.told = t.told[:copy(t.told, t.told[n:])]
	t.telling = n
	done, commit := t.done, t.commits && t.done > t.committed
	t.all.mu.Unlock()

	var err error

	if n > 0 {
		a, _ := source.(Acknowledger)
		err = a.Acknowledge(ctx, buf[:n])
	}

	if commit && err == nil {
		c, _ := source.(Committer)
		err = c.Commit(ctx, done)
	}

	t.all.mu.Lock()
	defer t.all.mu.Unlock()

	t.telling = 0

	if commit && err == nil {
		t.committed = done
	}

	t.all.wake()

	return err
}

// tellAll tells the source everything that is pending.
func (t *tracker) tellAll(ctx context.Context, source any, buf []Ack) error {
	for {
		t.all.mu.Lock()
		pending := t.pending()
		t.all.mu.Unlock()

		if !pending {
			return nil
		}

		if err := t.tell(ctx, source, buf); err != nil {
			return err
		}
	}
}

// follow tells the source what is pending whenever there is something, until ctx ends; every so often at most, so that
// what it commits is worth it.
func (t *tracker) follow(ctx context.Context, source any, every time.Duration) error {
	buf := make([]Ack, maxTold)

	for {
		select {
		case <-t.changed:
		case <-ctx.Done():
			return nil
		}

		if err := t.tellAll(ctx, source, buf); err != nil {
			return err
		}

		if every <= 0 {
			continue
		}

		select {
		case <-time.After(every):
		case <-ctx.Done():
			return nil
		}
	}
}
