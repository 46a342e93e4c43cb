package plugin

import (
	"context"
	"errors"
	"time"

	"github.com/troupe-go/troupe/internal/chain"
)

// guard looks after an instance, on a goroutine of its actor: callers are told when their time is over, an instance
// that hangs or whose process has ended is given up, its health is asked for. It returns when the instance is to end,
// or why it was given up. What is in the plugin's hands then is lost: Drain has waited for it while there was time.
func (i *instance) guard(ctx context.Context) error {
	timer := time.NewTimer(i.spec.Probe)
	defer timer.Stop()

	probe := time.NewTicker(i.spec.Probe)
	defer probe.Stop()

	var gone <-chan struct{}

	p, apart := i.plugin.(isolated)
	if apart {
		gone = p.gone()
	}

	for {
		select {
		case <-ctx.Done():
			i.leave()

			return nil
		case <-i.failed:
			return i.broken()
		case <-gone:
			err := p.fault()

			return i.fail(faultOf(err), err)
		case <-probe.C:
			i.probe()
		case <-i.flights.sooner:
		case <-timer.C:
		}

		if err := i.watch(timer); err != nil {
			return err
		}
	}
}

// leave ends an instance that is to end.
func (i *instance) leave() {
	if i.flights.busy() {
		_ = i.fail(Cut, errCut) // Flush says it
	}

	i.giveUp(errEnded)
}

// broken returns why the instance was given up, if that is a failure of its actor's.
func (i *instance) broken() error {
	if i.why.Fault == Cut {
		return nil
	}

	return i.why
}

// watch does what is due, and sets the timer for what comes next.
func (i *instance) watch(timer *time.Timer) error {
	late, hangs, again := i.flights.look(time.Now())

	for _, f := range late {
		i.tooLate(f)
	}

	if hangs != nil {
		return i.fail(Hung, hangs.overdue(i.spec))
	}

	timer.Stop()

	if !again.IsZero() {
		timer.Reset(time.Until(again))
	}

	return nil
}

// overdue says what it is that hangs.
func (f *flight) overdue(spec *Spec) error {
	switch {
	case f.health:
		return errNoHealth
	case f.stream != nil:
		return errNoEnd
	default:
		return &DeadlineError{f.had + spec.HangAfter}
	}
}

var (
	errCut      = errors.New("the time to return what it had in its hands is over")
	errNoHealth = errors.New("no answer to the health check")
	errNoEnd    = errors.New("a stream has not ended")
)

// probe asks for the plugin's health, unless it is being asked.
func (i *instance) probe() {
	p, ok := i.plugin.(HealthReporter)
	if !ok || !i.probing.CompareAndSwap(false, true) {
		return
	}

	f := &flight{health: true, fate: told, hung: time.Now().Add(i.spec.Probe)}

	if !i.flights.add(f) {
		return
	}

	err := i.run(func(context.Context) error {
		err := ErrExited

		defer func() { i.probed(f, err) }()

		ctx, cancel := context.WithDeadline(i.ctx, f.hung)
		defer cancel()

		err = protect(func() error { return p.Health(ctx) })

		return nil
	})
	if err != nil { // it is ending
		i.flights.land(f)
	}
}

// probed notes how the plugin is.
func (i *instance) probed(f *flight, err error) {
	if fault := faultOf(err); fault != 0 {
		_ = i.fail(fault, err) // the guard hears of it
	}

	if chain.Is(err, context.DeadlineExceeded) && !time.Now().Before(f.hung) {
		_ = i.fail(Hung, errNoHealth) // the guard hears of it
	}

	i.load.mu.Lock()
	i.load.degraded = err
	i.load.mu.Unlock()

	i.flights.land(f)
	i.probing.Store(false)
}
