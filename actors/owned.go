package actors

import "sync"

// owned are the goroutines that belong to an incarnation, and what they and the actor itself ask of the runner.
type owned struct {
	mu      sync.Mutex
	limit   int  // the most at a time
	running int  // at most limit
	pipes   int  // those among running that will still send to the actor
	closed  bool // no more may start
	leaving bool // the actor asked to stop
	failure error
	idle    chan struct{} // closed when running falls to 0 while somebody waits
}

func (o *owned) add(pipe bool, path string) error {
	o.mu.Lock()
	defer o.mu.Unlock()

	if o.closed {
		return ErrNotRunning
	}

	if o.running >= o.limit {
		return &GoroutineLimitError{Path: path, Limit: o.limit}
	}

	o.running++

	if pipe {
		o.pipes++
	}

	return nil
}

func (o *owned) done(pipe bool, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()

	o.running--

	if pipe {
		o.pipes--
	}

	if o.failure == nil {
		o.failure = err
	}

	if o.running == 0 && o.idle != nil {
		close(o.idle)
		o.idle = nil
	}
}

// take returns what there is to act on since the last time.
func (o *owned) take() (leaving bool, failure error) {
	o.mu.Lock()
	defer o.mu.Unlock()

	leaving, failure = o.leaving, o.failure
	o.failure, o.leaving = nil, false

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

	return o.pipes > 0
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

	return o.running
}

// wait blocks until none is running. Called after close, and after their context has ended.
func (o *owned) wait() {
	o.mu.Lock()

	if o.running == 0 {
		o.mu.Unlock()

		return
	}

	if o.idle == nil {
		o.idle = make(chan struct{})
	}

	idle := o.idle
	o.mu.Unlock()
	<-idle
}
