package pipeline

import (
	"context"
	"runtime/pprof"
	"sync"

	"github.com/troupe-go/troupe/actors"
)

// crew is the actor that the workers of all stages belong to. Each stage waits for its own when it stops; a worker that
// does not return is left to the crew, which is the last to close and is abandoned with it, so that the shutdown report
// has its stack.
type crew struct {
	mu      sync.Mutex
	running int // bounded by the stages' workers and Stage.Abandoned
	idle    chan struct{}
	labels  context.Context
}

func newCrew() *crew { return &crew{labels: context.Background()} }

// Receive is never called: nobody has a reference.
func (c *crew) Receive(*actors.Context[struct{}], struct{}) error { return nil }

// Start takes the labels that the runtime finds hanging goroutines by.
func (c *crew) Start(ctx *actors.Context[struct{}]) error {
	c.mu.Lock()
	defer c.mu.Unlock()

	done := make(chan struct{})
	err := ctx.Go(func(ctx context.Context) error {
		pprof.Do(ctx, pprof.Labels(), func(l context.Context) { c.labels = context.WithoutCancel(l) })
		close(done)

		return nil
	})

	if err == nil {
		<-done
	}

	return err
}

// run starts a worker.
func (c *crew) run(stage string, f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()

	c.running++
	labels := pprof.WithLabels(c.labels, pprof.Labels("troupe.stage", stage))

	go func() {
		defer c.returned() // also if f ends the goroutine

		pprof.SetGoroutineLabels(labels)
		f()
	}()
}

func (c *crew) returned() {
	c.mu.Lock()
	defer c.mu.Unlock()

	c.running--
	if c.running == 0 && c.idle != nil {
		close(c.idle)
		c.idle = nil
	}
}

// Close waits for the workers, however long it takes: the runtime knows what to do about that.
func (c *crew) Close(context.Context) error {
	c.mu.Lock()

	if c.running == 0 {
		c.mu.Unlock()

		return nil
	}

	if c.idle == nil {
		c.idle = make(chan struct{})
	}

	idle := c.idle
	c.mu.Unlock()
	<-idle

	return nil
}
