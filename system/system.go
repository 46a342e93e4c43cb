package system

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/troupe-go/troupe/internal/lifecycle"
	"github.com/troupe-go/troupe/internal/node"
	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/supervision"
)

// background is for calls that want a context and have nobody's.
var background = context.Background() //nolint:gochecknoglobals // a constant in all but name

// ErrNoSystem is what the zero System and a nil one answer: there is no tree that runs.
var ErrNoSystem = errors.New("there is no system, Start makes one")

// System is a running tree. All methods are safe for concurrent use, also from inside actors, except that an actor
// must not wait for the shutdown it is part of.
//
// [Start] makes one. The zero System, and the nil one that comes with an error of Start, have no tree and have stopped:
// Done is closed, what returns an error returns [ErrNoSystem], and the rest does nothing and returns what is empty.
type System struct {
	options   Options
	plan      *supervision.Plan
	conductor *conductor
	intake    supervision.Deps
	done      chan struct{}
	signals   <-chan os.Signal // of all who wait
	notified  chan os.Signal   // signals, if it is the system that listens; else nil
	report    *Report          // set before done is closed
}

// Run starts the tree and returns when it has stopped, in order: because ctx ended, a signal came (again: the
// shutdown is forced), or the root supervisor gave up. The error is nil if everything went well; else it wraps the
// failure the system stopped for and every hook that failed and actor that was abandoned at the stop. What is wrong
// with the tree or the options is reported as by [Start].
func Run(ctx context.Context, tree supervision.Tree, options Options) error {
	s, err := prepare(ctx, "Run", tree, options)
	if err != nil {
		return err
	}

	ignore := s.notify()
	defer ignore()

	s.conductor.step(lifecycle.Boot{})

	return s.tried(ctx, tree, s.wait(ctx))
}

// Start starts the tree: every actor in dependency order, each awaited. If ctx ends or an actor does not start, those
// already started are stopped in reverse and the error names the actor. Everything wrong with the tree or the options
// is reported at once, before anything is started. Beside that, and beside an actor that does not start, stands what
// else would not have opened, such as sinks of pipelines: what can be opened without an actor is opened, and closed
// again, see [supervision.Trial]. The system runs until [System.Shutdown]. A signal that comes from Options.Interrupts
// stops the start, and the error is [ErrInterrupted].
func Start(ctx context.Context, tree supervision.Tree, options Options) (*System, error) {
	s, err := prepare(ctx, "Start", tree, options)
	if err != nil {
		return nil, err
	}

	s.conductor.step(lifecycle.Boot{})

	interrupts := s.options.Interrupts

	for running := true; running; {
		select {
		case <-s.conductor.booted:
			return s, nil
		case <-s.done:
			running = false
		case sig, open := <-interrupts:
			if open {
				s.conductor.interrupt(sig)

				return nil, errors.Join(ErrInterrupted, s.wait(ctx))
			}

			interrupts = nil
		case <-ctx.Done():
			err = &supervision.FailureError{Path: s.conductor.starting(), Err: ctx.Err()}
			s.Stop()
			<-s.done

			return nil, errors.Join(err, s.report.Err())
		}
	}

	if s.report.err == nil {
		return nil, mailbox.ErrStopping // a stop that was asked for by one of the actors while they started
	}

	return nil, s.tried(ctx, tree, s.report.Err())
}

// tried adds to the failure of a start what else refuses to open, that was not asked in it: see [supervision.Try].
func (s *System) tried(ctx context.Context, tree supervision.Tree, err error) error {
	select {
	case <-s.conductor.booted:
		return err
	default:
	}

	if ctx.Err() != nil || s.report.Cause == "" || len(s.report.Signals) > 0 { // it was to end, whatever is wrong
		return err
	}

	return errors.Join(err, supervision.Try(ctx, tree))
}

// prepare checks everything and makes a system in which nothing has started.
func prepare(ctx context.Context, method string, tree supervision.Tree, options Options) (*System, error) {
	plan, err := supervision.Compile(tree, options.Tasks...)
	err = errors.Join(options.validate(), err)

	if ctx == nil {
		err = errors.Join(nilContext("/"+tree.Name, method), err)
	}

	options = options.withDefaults()

	if plan != nil {
		options.Shares = options.shares(plan)
		err = errors.Join(err, plan.CheckGrace(options.Shares))
	}

	if err != nil {
		if ctx == nil {
			ctx = background
		}

		return nil, errors.Join(err, supervision.Try(ctx, tree))
	}

	s := &System{options: options, plan: plan, done: make(chan struct{}), signals: options.Interrupts}
	if s.signals == nil {
		s.notified = make(chan os.Signal, 1)
		s.signals = s.notified
	}

	s.conductor, err = newConductor(s)
	if err != nil {
		return nil, err
	}

	return s, nil
}

// nobody reports whether the system has no tree.
func (s *System) nobody() bool { return s == nil || s.conductor == nil }

// gone is the Done channel of a system that has no tree.
var gone = func() <-chan struct{} { //nolint:gochecknoglobals // immutable
	c := make(chan struct{})
	close(c)

	return c
}()

// Wait blocks until the system has stopped, and shuts it down when ctx ends or a signal comes; a signal during a
// shutdown forces it. The error is that of [Run].
func (s *System) Wait(ctx context.Context) error {
	switch {
	case s.nobody():
		return ErrNoSystem
	case ctx == nil:
		return nilContext(s.path(), "Wait")
	}

	ignore := s.notify()
	defer ignore()

	return s.wait(ctx)
}

// path is that of the root supervisor.
func (s *System) path() string { return s.plan.Nodes[0].Path }

func nilContext(path, method string) error {
	return fmt.Errorf("%s: %s: %w", path, method, mailbox.ErrNilContext)
}

// notify begins to listen for signals. However many wait, each signal counts once; they all wait to the end.
func (s *System) notify() (ignore func()) {
	if s.notified == nil || len(s.options.Signals) == 0 {
		return func() {}
	}

	signal.Notify(s.notified, s.options.Signals...)

	return func() { signal.Stop(s.notified) }
}

func (s *System) wait(ctx context.Context) error {
	signals, ended := s.signals, ctx.Done()

	for {
		select {
		case <-s.done:
			return s.report.Err()
		case <-ended:
			s.Stop()

			ended = nil
		case sig, open := <-signals:
			if open {
				s.conductor.interrupt(sig)
			} else {
				signals = nil
			}
		}
	}
}

// Shutdown stops the tree in order and returns the report, the same to every caller. If ctx ends before that, it
// returns the context's error and the shutdown goes on. The other error is that of [Run].
func (s *System) Shutdown(ctx context.Context) (*Report, error) {
	switch {
	case s.nobody():
		return nil, ErrNoSystem
	case ctx == nil:
		return nil, nilContext(s.path(), "Shutdown")
	}

	s.conductor.step(lifecycle.Shutdown{})

	select {
	case <-s.done:
		return s.report, s.report.Err()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Stop begins a shutdown and does not wait for it. It is for actors, which must not wait for their own end.
func (s *System) Stop() { s.step(lifecycle.Shutdown{}) }

// Force makes a shutdown end within [ForcedGrace], beginning one if need be: queues are dead-lettered, hooks still run
// with what time is left, actors that do not return are abandoned. It does not wait.
func (s *System) Force() { s.step(lifecycle.Force{}) }

// step gives the state machine an input, if there is one.
func (s *System) step(in lifecycle.Input) {
	if !s.nobody() {
		s.conductor.step(in)
	}
}

// Done is closed when the system has stopped and its report is there.
func (s *System) Done() <-chan struct{} {
	if s.nobody() {
		return gone
	}

	return s.done
}

// Report returns the report of the shutdown, or nil while the system has not stopped.
func (s *System) Report() *Report {
	if s.nobody() {
		return nil
	}

	select {
	case <-s.done:
		return s.report
	default:
		return nil
	}
}

// Intake grants references to all actors of the tree to code outside it:
//
//	ref := orders.From(sys.Intake())
//
// What is sent through them is refused with [mailbox.ErrStopping] from the end of the intake of a shutdown on, and with
// [mailbox.ErrStopped] once the system has stopped.
func (s *System) Intake() supervision.Deps {
	if s.nobody() {
		return supervision.Deps{}
	}

	return s.intake
}

// DeadLetters returns the office that holds what could not be delivered.
func (s *System) DeadLetters() *Office {
	if s.nobody() {
		return new(Office)
	}

	return s.conductor.office
}

// Events returns what happens in the lives of the actors and supervisors.
func (s *System) Events() *Events {
	if s.nobody() {
		return new(Events)
	}

	return s.conductor.events
}

// Protoactor returns the protoactor system the actors are registered in.
func (s *System) Protoactor() *actor.ActorSystem {
	if s.nobody() {
		return nil
	}

	return s.conductor.protoactor
}

// node returns the actor at a path.
func (s *System) node(path string) (node.Node, bool) {
	if n := s.conductor.Child(path); n != nil {
		return n, true
	}

	for i := range s.plan.Nodes {
		if s.plan.Nodes[i].Path == path {
			n := s.conductor.mounted.Nodes[i]

			return n, n != nil
		}
	}

	return nil, false
}

// PID returns the protoactor identity of the actor or pool at a path such as "/shop/orders".
func (s *System) PID(path string) (*actor.PID, bool) {
	if s.nobody() {
		return nil, false
	}

	if f := s.conductor.mounted.FrontAt(path); f != nil {
		return f.PID(), true
	}

	n, ok := s.node(path)
	if !ok {
		return nil, false
	}

	return n.PID(), true
}
