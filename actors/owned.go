package actors

import (
	"sync"
	"sync/atomic"
)

// owned are the goroutines that belong to an incarnation, and what they and the actor itself ask of the runner.
type owned struct {
	mu      sync.Mutex
	closed  bool     // no more may start
	leaving bool     // the actor asked to stop
	helpers *helpers // nil until the first of them starts
}

// helpers are of no interest to an actor that has no goroutines.
type helpers struct {
	running int // at most the actor's limit, but for those that have delivered
	pipes   int // those among running that will still send to the actor
	sending int // those among pipes whose work is done, so that they do nothing any more but wait for room
	// delivered are those among pipes whose result the mailbox has, so that they do nothing any more at all. The mailbox
	// counts them, before anybody can take the result: who handles it has the place again.
	delivered atomic.Int32
	failure   error
	idle      chan struct{} // closed when running falls to 0 while somebody waits
}

// nobody are the helpers of an actor that never had one.
var nobody helpers //nolint:gochecknoglobals // nobody writes it

// known returns the helpers, to look at. Called with mu held.
func (o *owned) known() *helpers {
	if o.helpers == nil {
		return &nobody
	}

	return o.helpers
}

// add adds one, if there are less than limit.
func (o *owned) add(pipe bool, limit int, path string) error {
	o.mu.Lock()
	defer o.mu.Unlock()

	if o.closed {
		return ErrNotRunning
	}

	if o.helpers == nil {
		o.helpers = new(helpers)
	}

	h := o.helpers
	if h.running-int(h.delivered.Load()) >= limit {
		return &GoroutineLimitError{Path: path, Limit: limit}
	}

	h.running++

	if pipe {
		h.pipes++
	}

	return nil
}

// done notes that one has ended. It says whether it has delivered a result.
func (o *owned) done(pipe, delivered bool, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()

	h := o.helpers
	h.running--

	if delivered {
		h.delivered.Add(-1)
	}

	if pipe {
		h.pipes--
	}

	if h.failure == nil {
		h.failure = err
	}

	if h.running == 0 && h.idle != nil {
		close(h.idle)
		h.idle = nil
	}
}

// send calls f, which sends what a goroutine has worked for, and counts that if it is accepted.
func (o *owned) send(f func(accepted *atomic.Int32) error) error {
	o.mu.Lock()
	o.helpers.sending++
	o.mu.Unlock()

	defer func() {
		o.mu.Lock()
		defer o.mu.Unlock()

		o.helpers.sending--
	}()

	return f(&o.helpers.delivered)
}

// take returns what there is to act on since the last time.
func (o *owned) take() (leaving bool, failure error) {
	o.mu.Lock()
	defer o.mu.Unlock()

	leaving, o.leaving = o.leaving, false

	if h := o.helpers; h != nil {
		failure, h.failure = h.failure, nil
	}

	return leaving, failure
}

func (o *owned) stop() {
	o.mu.Lock()
	defer o.mu.Unlock()

	o.leaving = true
}

// piping reports whether a goroutine will still send to the actor.
func (o *owned) piping() bool {
	o.mu.Lock()
	defer o.mu.Unlock()

	return o.known().pipes > 0
}

// close lets no more start.
func (o *owned) close() {
	o.mu.Lock()
	defer o.mu.Unlock()

	o.closed = true
}

// count returns how many are running.
func (o *owned) count() int {
	o.mu.Lock()
	defer o.mu.Unlock()

	return o.known().running
}

// busy reports whether one is running that does more than wait for room in the actor's mailbox.
func (o *owned) busy() bool {
	o.mu.Lock()
	defer o.mu.Unlock()

	h := o.known()

	return h.running > h.sending
}

// wait blocks until none is running. Called after close, and after their context has ended.
func (o *owned) wait() {
	o.mu.Lock()

	h := o.helpers
	if h == nil || h.running == 0 {
		o.mu.Unlock()

		return
	}

	if h.idle == nil {
		h.idle = make(chan struct{})
	}

	idle := h.idle
	o.mu.Unlock()
	<-idle
}
