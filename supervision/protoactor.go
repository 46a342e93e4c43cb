package supervision

import (
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"
	"weak"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/troupe-go/troupe/actors"
)

// ProtoactorOptions configure [Protoactor].
type ProtoactorOptions struct {
	// Budget of restarts of all children of a supervisor; it must be set.
	Budget Budget
	// Backoff between restarts of a child.
	Backoff Backoff
	// Decide chooses what to do about a failure, as [Spec.Decide] does. It gets a panic's value if that is an error, and
	// else an [*actors.PanicError], whose stack protoactor does not tell.
	Decide func(error) Directive
	// AtRoot is told, after the event and the log, of each failure that was escalated where nobody is above to decide:
	// there a program can end itself. Failed is the actor it is the end of, as [Protoactor] says. It is called on the
	// goroutine of a failing actor or its supervisor, by several at a time, and must not block. May be nil.
	AtRoot func(failed *actor.PID, err error)
}

// Protoactor makes a strategy for plain protoactor programs:
//
//	strategy, err := supervision.Protoactor(supervision.ProtoactorOptions{
//		Budget: supervision.Budget{Restarts: 5, Within: 10 * time.Second},
//	})
//	…
//	props := actor.PropsFromProducer(newParent, actor.WithSupervisor(strategy)) // for the children it will have
//
// It restarts the child that failed, as [OneForOne], and differs from protoactor's own in that its budget is one for
// all children of a supervisor, in a sliding window; that restarts wait, as [Backoff] says, on a timer; and that an
// exhausted budget does not stop the child quietly, but is a failure of the supervisor, escalated with a
// [*BudgetError] as its reason. Then the supervisor has a new budget. Every decision is an [actor.SupervisorEvent] on
// the event stream, when it is made, apart from escalations that somebody above decides about.
//
// ResumeChild is no answer to what was escalated from below: protoactor resumes only the supervisor that escalated, and
// leaves the child suspended that had failed. Restart that supervisor or stop it, and the child goes with it.
//
// It has no group strategies: protoactor's supervisors do not know the order of their children and cannot await them.
//
// At the root nobody is above the supervisor. What is escalated there is an event with [actor.EscalateDirective], an
// error in the system's log, and told to AtRoot. If the strategy is a guardian ([actor.WithGuardian]), which may not
// escalate (it would panic the process), the actor that failed is stopped. If the supervisor is an actor that was
// spawned by the root without a guardian, protoactor restarts it with its children, at once and 10 times in 10 s at
// most, and then stops it quietly. So give the topmost actors a guardian made by Protoactor.
//
// A strategy is safe for concurrent use and can serve many supervisors: each has its budget, which outlives its
// restarts, and is forgotten with it. While a child waits for its restart it is suspended. If it stops meanwhile, or
// its supervisor does, there is no restart; only for a Stop that is already in its mailbox, but not handled at the
// instant the time is over, protoactor's own mailboxes make a new instance that gets Started and nothing more. Those
// of mailbox.Producer do not.
//
// Everything wrong with the options is reported at once, each a [*SpecError].
func Protoactor(options ProtoactorOptions) (actor.SupervisorStrategy, error) {
	const path = "supervision.Protoactor"

	var c compiler

	c.checkBudget(path, options.Budget)
	c.backoff(path, options.Backoff)

	if err := errors.Join(c.errs...); err != nil {
		return nil, err
	}

	return &protoactor{options: options, chance: rand.Float64}, nil
}

// protoactor is the strategy. It keeps the state of a supervisor where it ends with the supervisor: in the context of
// an actor. A guardian has none, but there is only one of a strategy in each system.
type protoactor struct {
	options ProtoactorOptions
	chance  func() float64 // of the full jitter

	mu sync.Mutex
	// guardians is the state of the guardian in each system. Guarded by mu. An entry goes with its system.
	guardians map[weak.Pointer[actor.ActorSystem]]*overseer
}

// failure is a failure of a child, as protoactor tells of it.
type failure struct {
	system     *actor.ActorSystem
	supervisor actor.Supervisor
	child      *actor.PID
	statistics *actor.RestartStatistics
	reason     any
	message    any
}

// HandleFailure decides about a failure. Protoactor calls it in the supervisor's turn; that of a guardian, on the
// goroutine of the actor that failed, where a panic would end the process.
func (p *protoactor) HandleFailure(
	system *actor.ActorSystem, supervisor actor.Supervisor, child *actor.PID, rs *actor.RestartStatistics,
	reason, message any,
) {
	f := &failure{system, supervisor, child, rs, reason, message}
	o := p.overseer(f)

	switch p.decide(f.cause()) {
	case ResumeChild:
		f.publish(actor.ResumeDirective, reason)

		if !o.waits(f) {
			supervisor.ResumeChildren(child)
		}
	case StopChild:
		o.forget(f)
		f.publish(actor.StopDirective, reason)
		supervisor.StopChildren(child)
	case EscalateFailure:
		o.forget(f)
		p.escalate(f, reason)
	default:
		p.restart(o, f)
	}
}

func (p *protoactor) decide(err error) (d Directive) {
	if p.options.Decide != nil {
		contain(func() { d = p.options.Decide(err) })
	}

	return d
}

// restart lets a child be restarted when its back-off is over, if the budget allows it.
func (p *protoactor) restart(o *overseer, f *failure) {
	err := &FailureError{Path: name(f.child), Err: f.cause()}

	delay, exhausted := o.spend(f, err, p.options, p.chance())

	switch {
	case exhausted != nil:
		path := "guardian"
		if above, ok := f.supervisor.(relative); ok {
			path = name(above.Self())
		}

		p.escalate(f, &BudgetError{Path: path, Budget: p.options.Budget, Failures: exhausted})
	case delay >= 0:
		f.publish(actor.RestartDirective, f.reason)
		o.wait(f, delay)
	}
}

// relative is a supervisor that has a place among the actors: a guardian has none.
type relative interface {
	Self() *actor.PID
	Parent() *actor.PID
}

// escalate makes the supervisor fail, or does what can be done where nobody is above it.
func (p *protoactor) escalate(f *failure, reason any) {
	above, ok := f.supervisor.(relative)
	if ok && above.Parent() != nil {
		f.supervisor.EscalateFailure(reason, f.message)

		return
	}

	failed := f.child
	if ok {
		failed = above.Self()
	}

	f.publish(actor.EscalateDirective, reason)
	contain(func() {
		f.system.Logger().Error("a failure was escalated at the root", slog.String("actor", name(failed)),
			slog.String("error", Text(asError(reason))))
	})

	if ok {
		f.supervisor.EscalateFailure(reason, f.message)
	} else {
		f.supervisor.StopChildren(f.child)
	}

	if told := p.options.AtRoot; told != nil {
		contain(func() { told(failed, asError(reason)) })
	}
}

// cause is the failure as an error.
func (f *failure) cause() error { return asError(f.reason) }

func asError(reason any) error {
	if err, ok := reason.(error); ok {
		return err
	}

	return &actors.PanicError{Value: reason}
}

// publish tells of a decision.
func (f *failure) publish(d actor.Directive, reason any) {
	contain(func() {
		f.system.EventStream.Publish(&actor.SupervisorEvent{Child: f.child, Reason: reason, Directive: d})
	})
}

func name(pid *actor.PID) string { return pid.GetAddress() + "/" + pid.GetId() }

// contain calls somebody's code and lets none of its panics out.
func contain(f func()) {
	defer func() { _ = recover() }()

	f()
}

// overseer is what is remembered of one supervisor.
type overseer struct {
	mu     sync.Mutex
	window *Window // guarded by mu
	// children are those that have failed, by their id. Guarded by mu. When they have become twice as many, those that
	// have stopped are forgotten, so there are at most about twice as many as live.
	children map[string]*suspect
	sweepAt  int // guarded by mu
}

// suspect is a child that has failed. Guarded by overseer.mu.
type suspect struct {
	statistics *actor.RestartStatistics // tells it from a later child of the same name: each has its own
	delay      Delay
	restarted  time.Time // zero before the first restart
	waits      bool      // for its restart
}

func newOverseer(b Budget) *overseer {
	const few = 16

	return &overseer{window: NewWindow(b), children: make(map[string]*suspect), sweepAt: few}
}

// of returns what is known of a child. Called with mu held.
func (o *overseer) of(f *failure) *suspect {
	s := o.children[f.child.GetId()]
	if s == nil || s.statistics != f.statistics {
		return nil
	}

	return s
}

// waits reports whether the child waits for its restart.
func (o *overseer) waits(f *failure) bool {
	o.mu.Lock()
	defer o.mu.Unlock()

	s := o.of(f)

	return s != nil && s.waits
}

// forget takes back a restart of the child.
func (o *overseer) forget(f *failure) {
	o.mu.Lock()
	defer o.mu.Unlock()

	delete(o.children, f.child.GetId())
}

// spend counts a restart. It returns how long that waits; a negative delay if the child waits for its restart already
// and has failed again on one of protoactor's own messages; or the failures that have exhausted the budget, and then
// there is a new one.
func (o *overseer) spend(
	f *failure, err error, options ProtoactorOptions, chance float64,
) (delay time.Duration, exhausted []error) {
	now := time.Now()

	o.mu.Lock()
	defer o.mu.Unlock()

	s := o.of(f)
	if s != nil && s.waits {
		return -1, nil
	}

	if exhausted = o.window.Spend(now, err); exhausted != nil {
		o.window = NewWindow(options.Budget)
		delete(o.children, f.child.GetId())

		return 0, exhausted
	}

	if s == nil {
		o.sweep(f.system)

		s = &suspect{statistics: f.statistics, delay: NewDelay(options.Backoff)}
		o.children[f.child.GetId()] = s
	}

	var ran time.Duration
	if !s.restarted.IsZero() {
		ran = now.Sub(s.restarted)
	}

	s.waits = true

	return s.delay.Next(ran, chance), nil
}

// sweep forgets children that have stopped. Called with mu held.
func (o *overseer) sweep(system *actor.ActorSystem) {
	if len(o.children) < o.sweepAt {
		return
	}

	for id := range o.children {
		if _, alive := system.ProcessRegistry.GetLocal(id); !alive {
			delete(o.children, id)
		}
	}

	o.sweepAt = max(o.sweepAt, 2*len(o.children))
}

// wait restarts the child when the time is over, unless it has stopped by then.
func (o *overseer) wait(f *failure, delay time.Duration) {
	process, _ := f.system.ProcessRegistry.GetLocal(f.child.GetId())

	restart := func() {
		now, alive := f.system.ProcessRegistry.GetLocal(f.child.GetId())
		if o.ready(f) && alive && now == process {
			f.supervisor.RestartChildren(f.child)
		}
	}

	if delay == 0 {
		restart()
	} else {
		time.AfterFunc(delay, restart)
	}
}

// ready reports whether the child still waits for its restart, which is now.
func (o *overseer) ready(f *failure) bool {
	o.mu.Lock()
	defer o.mu.Unlock()

	s := o.of(f)
	if s == nil || !s.waits {
		return false
	}

	s.waits, s.restarted = false, time.Now()

	return true
}
