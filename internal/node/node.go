// Package node is the seam between an actor, which is generic in its message type and lives in package actors, and
// the runtime that starts, supervises and stops actors of all types. No user can touch it.
package node

import (
	"context"
	"errors"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/troupe-go/troupe/internal/waits"
	"github.com/troupe-go/troupe/mailbox"
)

// What the runtime tells an actor through its system lane. Several can be pending; they are obeyed in this order.
const (
	// Start makes the incarnation given to [Node.Start].
	Start mailbox.Command = 1 << iota
	// Halt ends the incarnation between two messages; the queue is kept. Answered by Ended.
	Halt
	// Drain works the queue off and ends the actor's goroutines. Answered by Drained.
	Drain
	// Cut ends a drain early: what is left is dead-lettered with reason deadline. Answered by Drained.
	Cut
	// Flush runs the Flush hook. Answered by Flushed.
	Flush
	// Close runs the Close hook. Answered by Closed.
	Close
	// Finish ends the actor for good: leftovers are dead-lettered, watchers told. Answered by Finished.
	Finish
	// Leave makes the actor handle no more messages; the queue is kept. Answered by StopSelf.
	Leave
	// Probe runs the Health hook.
	Probe
	// Owned says that one of the actor's own goroutines ended.
	Owned
	// Notice says that there is something for the actor from its own incarnation: a message that is due, or a change of
	// how it receives.
	Notice
	// Foreign says that a native protoactor actor has something to obey that is protoactor's.
	Foreign
)

// ErrCut is why messages are lost when a drain is cut.
var ErrCut = errors.New("the time to work the queue off is over")

// Directive is what a supervisor does about a failure.
type Directive uint8

// The directives; the zero value means Restart.
const (
	Restart Directive = iota + 1
	Resume
	Stop
	Escalate
)

// Event is what an actor reports to the runtime.
type Event uint8

// The events. Each names the incarnation it speaks of, and the runtime ignores those of earlier ones.
const (
	// Started: the Start hook returned; Err says how.
	Started Event = iota + 1
	// Failing: the incarnation failed with Err and is ending, which may take time; Ended follows.
	Failing
	// Resumed: the incarnation failed with Err and goes on, as its supervisor's function has decided.
	Resumed
	// Ended: the incarnation is gone. Err is why, nil if it was halted; with Directive if there was no Failing before.
	Ended
	// StopSelf: the actor asked to stop; it waits for Flush and Close.
	StopSelf
	// Drained: queue empty, goroutines ended. Err is what a goroutine failed with at last.
	Drained
	// Flushed: the Flush hook returned Err.
	Flushed
	// Closed: the Close hook returned Err and the incarnation is gone.
	Closed
	// Finished: the actor has ended for good.
	Finished
	// Returned: an abandoned incarnation came back at last.
	Returned
)

// Report is one event of one actor.
type Report struct {
	ID          int
	Incarnation uint64
	Event       Event
	Err         error
	Directive   Directive
	// Lost says, of Drained, that messages were lost because the time was over.
	Lost bool
	// Gone says, of Closed, that the actor has ended for good with that, because nothing was left to be dealt with: what
	// Finish orders is done.
	Gone bool
	// Bare says, of a failure, that there is no message with it, which would be delivered again or be a dead letter.
	Bare bool
}

// StopMode says how an actor is stopped from outside the tree.
type StopMode uint8

// The modes.
const (
	// Poison works the queue off first.
	Poison StopMode = iota + 1
	// AtOnce leaves the queue to the dead letters.
	AtOnce
)

// DeadLetter is a message that could not be delivered or handled.
type DeadLetter struct {
	Target  string
	PID     *actor.PID
	Message any
	Sender  *actor.PID
	Reason  mailbox.Reason
	Cause   error
	// Delivery of the message that failed or would have been the next; the zero value means the first.
	Delivery mailbox.Delivery
}

// Host is the runtime as an actor sees it. Its methods do not block on actors and call no user code.
type Host interface {
	// Report takes an event.
	Report(r Report)
	// RequestStop takes a stop that came in through protoactor.
	RequestStop(id int, mode StopMode)
	// Undelivered records a dead letter.
	Undelivered(l DeadLetter)

	Groups
	Shared
}

// Shared is what all actors of a system have in common.
type Shared interface {
	// Intake is the gate that messages from outside the tree pass.
	Intake() *Gate
	// Protoactor is the actor system that the actors are registered in.
	Protoactor() *actor.ActorSystem
	// Waits is the graph of which actors wait for which.
	Waits() *waits.Graph
	// Overtaken returns what is closed when a shutdown comes to its drain, if it is an actor that waits under ctx for the
	// end of others: the shutdown waits for the turn of that actor before it comes to those. It is nil for who is none.
	Overtaken(ctx context.Context) <-chan struct{}
}

// Groups is what the runtime does with the children of groups and pools. Its methods do not block on actors.
type Groups interface {
	// Spawn adds children and starts them, at one time. The first that cannot be added ends it.
	Spawn(b *Batch)
	// Recall stops those children of a batch again of which it is not known yet how their start went, which is that
	// cause then. When it returns, the batch is done.
	Recall(b *Batch, cause error)
	// Stop stops a child for good; gone is closed when it is. It is nil if there is none at the path. At a shutdown it
	// does nothing and returns an error.
	Stop(path string, mode StopMode) (gone <-chan struct{}, err error)
	// Child returns the child at a path, or nil.
	Child(path string) Node
	// Children returns the children of a group that have not ended, in the order they were started.
	Children(group int) []Node
}

// Front is the one identity of a pool. No method blocks.
type Front interface {
	Resender
	Members

	Path() string
	PID() *actor.PID
	// Discard ends it: nobody is behind it any more.
	Discard()
}

// Members are the actors that take part in a pool.
type Members interface {
	// Admit lets an actor take part.
	Admit(n Node)
	// Dismiss sends no more to an actor.
	Dismiss(n Node)
}

// ErrMismatch says that a message is not of the type that an actor takes.
var ErrMismatch = errors.New("message is not of the actor's message type")

// Resender is an actor or a pool as who replays dead letters sees it.
type Resender interface {
	// Resend puts a message into the data lane if there is room now, for the given delivery. It does not block. The error
	// says what the message was refused for: [ErrMismatch], or what [mailbox.Mailbox.TrySend] returns. The message is then
	// still the caller's, and no dead letter.
	Resend(m any, sender *actor.PID, at mailbox.Delivery) error
}

// Node is an actor as the runtime sees it. No method blocks.
type Node interface {
	Registered
	Controlled
	Observed
	Resender
}

// Identify is the message that a process is sent to learn which actor it is. It is not queued: Node is set when the
// send returns, and stays nil if it is somebody else's process.
type Identify struct{ Node Node }

// Registered is the identity of an actor.
type Registered interface {
	// ID is what the runtime knows it by.
	ID() int
	Path() string
	PID() *actor.PID
	// Withdraw takes it out of protoactor's registry: its name is free.
	Withdraw()
	// Discard ends an actor that was never started.
	Discard()
}

// Controlled is an actor as the runtime drives it.
type Controlled interface { //nolint:interfacebloat // it is all that one actor can be told
	// Start makes a new incarnation; its Start hook is expected to return before the deadline.
	Start(incarnation uint64, deadline time.Time)
	// Prepare is Start for an actor that has never run, but for its factory, which is for the runtime to call then: see
	// Call. It reports false, and does nothing, if that does not go with how the actor is run.
	Prepare(incarnation uint64, deadline time.Time) bool
	// Seal refuses new messages; what was accepted stays.
	Seal()
	// Order posts commands; hooks they run are expected to return before the deadline.
	Order(c mailbox.Command, deadline time.Time)
	// LetGo says that the actor, which is on its way down, does not wait for actors that are down: such a wait ends. It
	// can be taken back, and is over with the incarnation.
	LetGo(takenBack bool)
	// AtOnce does what one of the commands of a stop orders, Drain, Flush, Close or Finish, if the actor is at rest and
	// has nothing to do for it. It reports whether it did; there is no other answer. Drain also seals. Hooks are, if that
	// is done, the commands among Flush and Close for which the actor has a hook.
	AtOnce(c mailbox.Command) (done bool, hooks mailbox.Command)
	// Call calls what a command is for, which is user code, on the calling goroutine, if nobody is there to obey an
	// order: for Start the factory of an actor that was prepared, for Flush and Close the hook of one that was drained in
	// its sleep. It returns what is to be reported: Started, Flushed or Closed, or Returned if the actor was abandoned
	// meanwhile or before. It returns false if there is nothing to report, because somebody is there who goes on: then it
	// has called nothing, or the factory of an actor that has still to run its Start hook.
	Call(c mailbox.Command, deadline time.Time) (r Report, called bool)
	// Over returns what Call would have for user code that ended its goroutine, with that for an error.
	Over(c mailbox.Command, err error) Report
	// Cancel ends the contexts of everything the incarnation is doing.
	Cancel(cause error)
	// Abandon fences the incarnation, whatever it is doing, and makes room for the next. It reports whether anything of
	// it was still running, in which case Returned follows once it has come back, and what [LabelSince] is of that.
	Abandon(cause error) (since uint64, running bool)
}

// Observed is an actor as reports see it.
type Observed interface {
	Stats() mailbox.Stats
	Queued() int
	// Unfinished returns how much there is for the actor to go on for: what waits, what it has put aside, and 1 if its
	// holder owes something.
	Unfinished() int
	// Processed returns how many messages were handled, as in Stats.
	Processed() uint64
	// AskHealth asks the actor how it is, if it has a hook for that, and returns the function that waits for the answer
	// or the context; nil if there is nobody to ask.
	AskHealth() (answer func(ctx context.Context) error)
}

// Holder is what holds items for an actor beside its mailbox, such as the queue of a pipeline's stage, across all its
// incarnations. The law of conservation holds for it as for the mailbox. No method blocks or calls user code.
type Holder interface {
	// Mount is called once, before anything else, with where to send letters about items, and the gate that is shut when
	// the shutdown of the system comes to its drain.
	Mount(letter func(item any, reason mailbox.Reason, cause error, at mailbox.Delivery), intake *Gate)
	// Stats returns what was counted.
	Stats() mailbox.Stats
	// Owes reports whether the actor is needed also when nothing is held, such as a source that has still to hear of its
	// items.
	Owes() bool
	// Tells reports whether there is an item of which a letter tells, or which is held again, for whatever the actor
	// fails with.
	Tells() bool
	// Drop makes letters of everything that is held, for that reason, and reports whether there was anything. Nothing is
	// taken in any more.
	Drop(reason mailbox.Reason, cause error) bool
}

// Limits bound what an actor may have. All actors of one declaration share them.
type Limits struct {
	// Goroutines at a time.
	Goroutines int
	// Stash is the capacity of the stash, in messages.
	Stash int
	// Redeliver is how often a message is delivered again after a failure on it.
	Redeliver int
}

// Place is where an actor is in a tree.
type Place struct {
	*Common

	ID   int
	Path string
}

// Common is what the actors of one declaration have in common. Read-only.
type Common struct {
	Host    Host
	Mailbox *mailbox.Options
	Limits  *Limits
	Decide  func(error) Directive
	// Holder of an actor that is the only one of its declaration; nil for all but a few.
	Holder Holder
}
