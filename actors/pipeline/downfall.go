package pipeline

import (
	"cmp"
	"context"
	"sync"
)

// downfall is what one incarnation of a source or a stage has failed with. The actor hears of it once: as the failure
// of the goroutine that comes to it; of Drain, while that waits, since the actor listens to no goroutine meanwhile; or
// of Close, if it comes when the others are over.
type downfall struct {
	come chan struct{} // closed when it has come

	mu       sync.Mutex
	err      error // the first
	told     bool
	draining bool // Drain waits
}

func newDownfall() *downfall { return &downfall{come: make(chan struct{})} }

// note keeps the first failure.
func (d *downfall) note(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()

	d.keep(err)
}

// keep keeps the first failure. Called with mu held.
func (d *downfall) keep(err error) {
	if d.err == nil {
		d.err = err
		close(d.come)
	}
}

// untold returns the failure if the actor has not heard of it, and will not from Drain.
func (d *downfall) untold() error {
	d.mu.Lock()
	defer d.mu.Unlock()

	if d.draining {
		return nil
	}

	return d.tell()
}

// tell returns the failure if the actor has not heard of it; now it has. Called with mu held.
func (d *downfall) tell() error {
	if d.told {
		return nil
	}

	d.told = d.err != nil

	return d.err
}

// watch is the goroutine of an actor that fails with it.
func (d *downfall) watch(ctx context.Context) error {
	select {
	case <-d.come:
	case <-ctx.Done():
	}

	return d.untold()
}

// end is how a goroutine of the actor ends that has come to err: it returns the failure if the actor has not heard of
// it. While Drain waits it keeps the failure for Close instead, and says so: the actor listens to nobody, and need not
// be started again.
func (d *downfall) end(ctx context.Context, err error) (kept bool, failure error) {
	if err == nil || ctx.Err() != nil {
		return false, err // the actor knows that it ends
	}

	d.mu.Lock()
	defer d.mu.Unlock()

	if d.draining {
		d.err = cmp.Or(d.err, err)

		return true, nil
	}

	d.keep(err)

	return false, d.tell()
}

// drain is a Drain hook that ends what comes in and waits until over is closed. It fails also with what a goroutine
// tells: the actor may not have listened before it drained.
func (d *downfall) drain(ctx context.Context, end func(), over <-chan struct{}) error {
	d.setDraining(true)
	defer d.setDraining(false)

	end()

	select {
	case <-over:
		return nil
	case <-d.come:
		d.mu.Lock()
		defer d.mu.Unlock()

		d.told = true

		return d.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (d *downfall) setDraining(yes bool) {
	d.mu.Lock()
	defer d.mu.Unlock()

	d.draining = yes
}
