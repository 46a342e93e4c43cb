package pipeline

import "context"

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
	gone        bool // nobody is there any more to tell

	acks    bool  // the source wants acknowledgements
	commits bool  // the source wants offsets
	told    []Ack // to be told, at most limit
	telling int   // being told now
	teller  int   // number of the incarnation that tells
	done    uint64
	// committed is what the source has been told of done.
	committed uint64

	changed   chan struct{} // there is something to tell; holds one
	room      chan struct{} // there is room for the source; holds one
	urgent    chan struct{} // the source needs room to end, and is to be told at once; holds one
	settled   chan struct{} // closed when the source has ended and none of its items is unfinished
	isSettled bool
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

const firstRing = 64

// wait waits until there is room for another item, and returns for how many. Once intake is over, who tells the source
// does not take its time.
func (t *tracker) wait(ctx, intake context.Context) (int, error) {
	over := intake.Done()

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

		if intake.Err() != nil {
			signal(t.urgent)

			over = nil
		}

		select {
		case <-t.room:
		case <-over:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}

// take numbers n items that the source has handed out and returns the mark of the first. What comes when the pipeline
// has failed, because the source was at it then, is given back like everything else.
func (t *tracker) take(n int) uint64 {
	t.all.mu.Lock()
	defer t.all.mu.Unlock()

	first := t.next
	for range n {
		if t.next-t.first == uint64(len(t.ring)) {
			t.grow()
		}

		seq, e := t.next, t.at(t.next)
		*e = entry{refs: 1}
		t.next++
		t.open++

		switch {
		case t.all.failure != nil:
			t.finish(seq, e, returned, t.all.failure)
		case t.gone:
			t.finish(seq, e, returned, ErrStopped)
		}
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

	if t.acks && !t.gone {
		t.told = append(t.told, Ack{Item: seq, Err: err})
	}

	for t.first < t.next && t.at(t.first).state == finished {
		t.first++
	}

	t.done = t.first
}

// pending reports whether there is something to tell the source. Called with mu held.
func (t *tracker) pending() bool {
	return !t.gone && (len(t.told) > 0 || t.commits && t.done > t.committed)
}

// owes reports whether the source has still to hear of items that it has handed out.
func (t *tracker) owes() bool {
	t.all.mu.Lock()
	defer t.all.mu.Unlock()

	return t.untold()
}

// untold is owes with mu held.
func (t *tracker) untold() bool {
	return !t.gone && (t.acks || t.commits) && (t.open > 0 || t.telling > 0 || t.pending())
}

// over reports whether the source has ended and knows all of its items, or is not there to be told. Called with mu
// held.
func (t *tracker) over() bool {
	return t.ended && t.open == 0 && (t.gone || t.telling == 0 && !t.pending())
}

// retell notes that another incarnation tells. What the one before is at, if it was given up on, the source has been
// told.
func (t *tracker) retell() {
	t.all.mu.Lock()
	defer t.all.mu.Unlock()

	t.teller++
	t.telling = 0
	t.all.wake()
}

// isTeller reports whether it is still the incarnation of that number that tells.
func (t *tracker) isTeller(number int) bool {
	t.all.mu.Lock()
	defer t.all.mu.Unlock()

	return t.teller == number
}

// end notes that the source has no more items.
func (t *tracker) end() {
	t.all.mu.Lock()
	defer t.all.mu.Unlock()

	t.ended = true
	t.all.wake()
}

// leave notes that the source has gone for good. Finished says that it had handed out everything. What it has not been
// told it will never hear: it hands that out again when it is started again, in another system.
func (t *tracker) leave(finished bool) {
	t.all.mu.Lock()
	defer t.all.mu.Unlock()

	if (!finished || t.untold()) && t.all.given == nil {
		t.all.given = ErrStopped
	}

	t.ended, t.gone, t.told = true, true, nil
	t.all.wake()
}
