package actors

import "sync"

// owned are the goroutines that belong to an incarnation, and what they and the actor itself ask of the runner.
type owned struct {
	mu      sync.Mutex
	running int32    // at most the actor's limit
	pipes   int32    // those among running that will still send to the actor
	closed  bool     // no more may start
	leaving bool     // the actor asked to stop
	results *results // nil until one of them has ended or is waited for
}

// results are of no interest to an actor that has no goroutines.
type results struct {
	failure error
	idle    chan struct{} // closed when running falls to 0 while somebody waits
}

// known returns the results, making them when they are first needed. Called with mu held.
func (o *owned) known() *results {
	if o.results == nil {
		o.results = new(results)
	}

	return o.results
}

// add adds one, if there are less than limit.
func (o *owned) add(pipe bool, limit int, path string) error {
	o.mu.Lock()
	defer o.mu.Unlock()

	if o.closed {
		return ErrNotRunning
	}

	if int(o.running) >= limit {
		return &GoroutineLimitError{Path: path, Limit: limit}
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

	r := o.known()
	if r.failure == nil {
		r.failure = err
	}

	if o.running == 0 && r.idle != nil {
		close(r.idle)
		r.idle = nil
	}
}

// take returns what there is to act on since the last time.
func (o *owned) take() (leaving bool, failure error) {
	o.mu.Lock()
	defer o.mu.Unlock()

	leaving, o.leaving = o.leaving, false

	if r := o.results; r != nil {
		failure, r.failure = r.failure, nil
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

	return int(o.running)
}

// wait blocks until none is running. Called after close, and after their context has ended.
func (o *owned) wait() {
	o.mu.Lock()

	if o.running == 0 {
		o.mu.Unlock()

		return
	}

	r := o.known()
	if r.idle == nil {
		r.idle = make(chan struct{})
	}

	idle := r.idle
	o.mu.Unlock()
	<-idle
}
