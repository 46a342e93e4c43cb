package supervision

import (
	"fmt"
	"time"

	"github.com/troupe-go/troupe/mailbox"
)

// Strategy says who is restarted when a child has failed and is to be restarted. The zero value is unset and means
// [OneForOne].
//
// Under the others that is a group. Those of it that are up are halted one by one in reverse start order, each awaited,
// while their queues are kept; then all are started in order, each awaited, the one that failed not before its back-off
// is over. One restart of a group is one attempt in the budget. A child that fails meanwhile, or does not start, is an
// attempt of its own, and its group is restarted with it. Temporary children are halted with a group and do not come
// back, as in OTP; children that had ended for good do not come back either.
type Strategy uint8

const (
	// OneForOne restarts the failed child only, as OTP's one_for_one. It is the default.
	OneForOne Strategy = iota + 1
	// AllForOne restarts all children, as OTP's one_for_all.
	AllForOne
	// RestForOne restarts the failed child and those that started after it, as OTP's rest_for_one.
	RestForOne
	// DependentsForOne restarts the failed child and those of its siblings that depend on it by the declared graph,
	// directly or through others; a sibling that is a tree depends on what anything in it depends on.
	DependentsForOne
)

// unset is what a zero value calls itself.
const unset = "unset"

// String returns the strategy's name.
func (s Strategy) String() string {
	switch s {
	case 0:
		return unset
	case OneForOne:
		return "one-for-one"
	case AllForOne:
		return "all-for-one"
	case RestForOne:
		return "rest-for-one"
	case DependentsForOne:
		return "dependents-for-one"
	default:
		return fmt.Sprintf("Strategy(%d)", uint8(s))
	}
}

// Restart says when a child that has ended is started again. The zero value is unset and means [Transient].
type Restart uint8

const (
	// Permanent children are always restarted, also when they stopped themselves.
	Permanent Restart = iota + 1
	// Transient children are restarted after a failure. It is the default.
	Transient
	// Temporary children are never restarted.
	Temporary
)

// String returns the restart type's name.
func (r Restart) String() string {
	switch r {
	case 0:
		return unset
	case Permanent:
		return "permanent"
	case Transient:
		return "transient"
	case Temporary:
		return "temporary"
	default:
		return fmt.Sprintf("Restart(%d)", uint8(r))
	}
}

// Directive is what the supervisor does about one failure; see [Spec.Decide]. The zero value means [RestartChild].
type Directive uint8

const (
	// RestartChild ends the incarnation and makes a new one, as far as its restart type, the budget and the back-off
	// allow. It is the default.
	RestartChild Directive = iota + 1
	// ResumeChild lets the incarnation go on with its state; only the message is lost, to the dead letters.
	ResumeChild
	// StopChild ends the actor for good.
	StopChild
	// EscalateFailure makes the supervisor itself fail.
	EscalateFailure
)

// Budget bounds the restarts under one supervisor: more than Restarts attempts within the sliding window Within, and
// the supervisor gives up with a [*BudgetError]. An attempt counts while less than Within has passed since it. It must
// be set.
type Budget struct {
	// Restarts allowed in the window, from 0 to [MaxRestarts]. With 0 the first failure is one too many.
	Restarts int
	// Within is the length of the window, above 0.
	Within time.Duration
}

// MaxRestarts is the largest number of restarts a budget can allow; a supervisor remembers each one in the window.
const MaxRestarts = 100_000

// Backoff spaces restarts out: before its n-th attempt in a row a child waits for a random time between 0 and
// Initial·2ⁿ⁻¹, at most Max (exponential back-off with full jitter). The mailbox accepts messages meanwhile. A child
// that ran for Stable begins at Initial again.
type Backoff struct {
	// Initial bounds the first wait; 0 means 100 ms, or Max if that is less, [Immediately] means that there is no
	// waiting at all.
	Initial time.Duration
	// Max bounds every wait; 0 means 30 s, or Initial if that is more.
	Max time.Duration
	// Stable is how long a child must have run for its failures to be forgotten; 0 means 1 min.
	Stable time.Duration
}

// Immediately as [Backoff.Initial] restarts without waiting. The budget still holds.
const Immediately time.Duration = -1

// Defaults of [Backoff] and [Deadlines].
const (
	DefaultBackoffInitial = 100 * time.Millisecond
	DefaultBackoffMax     = 30 * time.Second
	DefaultBackoffStable  = time.Minute
	DefaultStartDeadline  = 10 * time.Second
	DefaultDrainDeadline  = 30 * time.Second
	DefaultFlushDeadline  = 10 * time.Second
	DefaultCloseDeadline  = 5 * time.Second
)

// Deadlines bound the steps of an actor's life. In the last tenth of each the actor's context has ended, so that it
// can return in time; an actor that has not returned by then is abandoned.
type Deadlines struct {
	// Start bounds the factory and the Start hook; 0 means 10 s.
	Start time.Duration
	// Drain bounds working off the queue at a stop. 0 means the time the drain phase has left at a shutdown, and 30 s
	// when the actor is stopped alone.
	Drain time.Duration
	// Flush bounds the Flush hook; 0 means the time the flush phase has left, and 10 s when the actor is stopped alone.
	Flush time.Duration
	// Close bounds the Close hook and the end of the actor's goroutines; 0 means 5 s. At a shutdown the close phase
	// may leave less.
	Close time.Duration
}

// DefaultGoroutines is how many goroutines an actor may have at a time when Spec.Goroutines is 0.
const DefaultGoroutines = 64

// MaxGoroutines is the largest number of goroutines an actor may be given.
const MaxGoroutines = 1 << 16

// DefaultStash is how many messages an actor can put aside when Spec.Stash is 0.
const DefaultStash = 64

// MaxStash is the largest capacity of a stash, in messages.
const MaxStash = mailbox.MaxCapacity

// MaxRedeliver is how often a message can be delivered again at most.
const MaxRedeliver = 1000

// Spec says how an actor is supervised. The zero value is a sound default: transient, default mailbox, back-off on.
type Spec struct {
	// Restart type; unset means [Transient].
	Restart Restart
	// DependsOn are the children of the tree the actor may refer to. They start before it and stop after it.
	DependsOn []Child
	// Mailbox options; nil means [mailbox.Defaults].
	Mailbox *mailbox.Options
	// Backoff between restarts.
	Backoff Backoff
	// Deadlines of the actor's steps.
	Deadlines Deadlines
	// Decide chooses what to do about a failure, with errors.Is and errors.As; nil, or a returned zero, means
	// [RestartChild], as does a panic. It is asked about failed restarts too. It must not block.
	Decide func(error) Directive
	// Goroutines is how many goroutines [actors.Context.Go] may have running at a time, from 1 to [MaxGoroutines];
	// 0 means [DefaultGoroutines].
	Goroutines int
	// Stash is how many messages [actors.Context.Stash] can put aside at a time, from 1 to [MaxStash]; 0 means
	// [DefaultStash]. Memory follows use, not capacity.
	Stash int
	// Redeliver is how often a message is delivered again if Receive fails on it and the directive is [RestartChild],
	// from 0, the default, to [MaxRedeliver]. The next incarnation gets it before everything else of its lane, so that the
	// order is kept, and [actors.Context.Attempt] tells it; meanwhile it counts as queued and an asker goes on waiting. If
	// the actor fails once more than that, the message becomes a dead letter with reason quarantined. With 0 it becomes
	// one with reason failed at once.
	//
	// What Receive did before it failed it does again: handling must be idempotent. A message whose handling hangs until
	// the actor is abandoned is not delivered again, it becomes a dead letter with reason abandoned; nor is one at which
	// the directive is another. What is not of a lane, a tick of a timer, an idle timeout, an [actors.Terminated], is not
	// delivered again either: it becomes a dead letter with reason failed, and the timers of the incarnation are gone.
	//
	// One message never exhausts a budget on its own: Redeliver must be less than the Restarts of the supervisor's
	// [Budget]. A [Temporary] actor has no next incarnation to deliver to.
	Redeliver int
}

// On lists dependencies: it is []Child{…} that reads well.
func On(children ...Child) []Child { return children }
