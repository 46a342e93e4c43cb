package actors

import (
	"fmt"
	"slices"

	"github.com/asynkron/protoactor-go/actor"
)

// MaxWatches is how many other actors an actor may watch at a time.
const MaxWatches = 1024

// Terminated says that an actor has ended for good. That it is restarted, or waits to be, is not its end.
type Terminated struct {
	// Path of the actor, such as "/shop/orders"; for one that is not of the tree it is made of its name.
	Path string
	// PID is the actor's identity in protoactor.
	PID *actor.PID
	// Reason says how it has ended.
	Reason TerminationReason
	// Err is the failure it has ended of, with its path, if that is the reason; else nil.
	Err error
}

// TerminationReason says how an actor has ended. The zero value is not a reason.
type TerminationReason uint8

const (
	// ReasonStopped: it stopped in an orderly way; or it is known by its PID only, and has ended somehow.
	ReasonStopped TerminationReason = iota + 1
	// ReasonFailed: it failed, or did not return by its deadline, and was not started again.
	ReasonFailed
	// ReasonNotFound: there is no such actor, or no longer.
	ReasonNotFound
	// ReasonUnreachable: the connection to the other system it is part of has ended.
	ReasonUnreachable
)

var terminationReasons = [...]string{"", "stopped", "failed", "not found", "unreachable"}

// String returns the reason in words.
func (r TerminationReason) String() string {
	if r == 0 || int(r) >= len(terminationReasons) {
		return fmt.Sprintf("TerminationReason(%d)", uint8(r))
	}

	return terminationReasons[r]
}

// Watch has the actor told once when another one ends for good, by the message that into makes of that; at once if it
// has ended already. The message takes no room in the mailbox, as a [Timer]'s does not. Into is called by the actor
// when the message has its turn; a panic of it is a failure of the actor. To watch an actor again while it is watched
// only replaces into.
//
// A pool ends when its supervisor has ended it, not with one of its members, and its reason is [ReasonStopped].
//
// A watch ends with the incarnation that asked for it. No message comes once the actor works off its queue to stop, and
// to watch then has no effect. Errors are [ErrNilFunc], [ErrNoRef] for the zero Ref, [ErrWatchSelf], [ErrNotRunning] if
// the incarnation is ending, or a [*WatchLimitError]. Semantics are those of Akka.
func Watch[T, M any](ctx *Context[M], other Ref[T], into func(Terminated) M) error {
	to := other.watched()
	if to == nil {
		return ErrNoRef
	}

	return ctx.watch("Watch", other.PID(), to, into)
}

// watched returns who is behind the reference, or nil.
func (r Ref[M]) watched() watched {
	switch {
	case r.cell != nil:
		return r.cell
	case r.front != nil:
		return r.front
	default:
		return nil
	}
}

// WatchPID is [Watch] for an actor that is known to protoactor: a plain protoactor actor, or one of another system that
// is reached through protoactor's remote. A nil PID is [ErrNoRef]. Why such an actor has ended protoactor does not say.
// A pool is watched by its reference only. An actor that is watched both ways is told of once, with what is known of
// its end by the reference.
func WatchPID[M any](ctx *Context[M], pid *actor.PID, into func(Terminated) M) error {
	if pid == nil {
		return ErrNoRef
	}

	if ctx.ofNobody() {
		return ErrNotRunning
	}

	return ctx.watch("WatchPID", pid, stranger[M]{ctx.cell, pid}, into)
}

// Unwatch ends a watch: its message is not handled from now on, also if it is due already. It reports whether there was
// such a watch, and not if its message was handed to Receive or the incarnation has ended.
func Unwatch[T, M any](ctx *Context[M], other Ref[T]) bool {
	return other.watched() != nil && ctx.unwatch(other.PID())
}

// UnwatchPID is [Unwatch] for a PID.
func UnwatchPID[M any](ctx *Context[M], pid *actor.PID) bool { return pid != nil && ctx.unwatch(pid) }

// watch is one actor watching one other, in one incarnation.
type watch[M any] struct {
	of    *notices[M]
	other target
	to    watched
	into  func(Terminated) M // guarded by of.mu until it is taken
	end   Terminated         // the same; set when it is due
}

// watcher is what an actor tells of its end.
type watcher interface {
	// key is the same for watchers that are told but once.
	key() any
	// wanted reports whether it still wants to be told.
	wanted() bool
	// terminated tells it. It does not block.
	terminated(t Terminated)
}

// watched is what an actor watches. The methods do not block.
type watched interface {
	// join makes w told of the end; or it returns the end, if that has come.
	join(w watcher) (end Terminated, ended bool)
	// leave makes it not told.
	leave(w watcher)
}

// target identifies an actor, whether it is known by a [Ref] or by a PID.
type target struct{ address, id string }

func (c *cell[M]) target(pid *actor.PID) target {
	const local = "nonhost" // the address of a system before it has one

	t := target{pid.GetAddress(), pid.GetId()}
	if t.address == local || t.address == c.place.Host.Protoactor().ProcessRegistry.Address {
		t.address = ""
	}

	return t
}

func (c *Context[M]) watch(method string, pid *actor.PID, to watched, into func(Terminated) M) error {
	n, err := c.notices()
	if err != nil {
		return err
	}

	key := c.cell.target(pid)

	switch {
	case into == nil:
		return misuse(c.Path(), method, ErrNilFunc)
	case key == c.cell.target(c.cell.PID()):
		return fmt.Errorf("%s: %w", c.Path(), ErrWatchSelf)
	}

	w, old, err := n.watch(key, to, into)
	if err != nil || w == nil {
		return err
	}

	if old != nil {
		old.to.leave(old)
	}

	if end, ended := to.join(w); ended {
		w.terminated(end)
	}

	return nil
}

// watch makes a new watch, or none if there is one or if its message would never become due. The old one is one that
// the new one replaces: the other is known by its reference now, and was by its PID only. That says more of its end,
// and of a pool's it says all there is.
func (n *notices[M]) watch(other target, to watched, into func(Terminated) M) (w, old *watch[M], err error) {
	n.mu.Lock()
	defer n.mu.Unlock()

	old = n.watches[other]

	switch {
	case n.ended:
		return nil, nil, ErrNotRunning
	case n.silent:
		return nil, nil, nil // it has no effect
	case old != nil && (!isStranger[M](old.to) || isStranger[M](to) || slices.Contains(n.due, source[M](old))):
		old.into = into

		return nil, nil, nil
	case old == nil && len(n.watches) >= MaxWatches:
		return nil, nil, &WatchLimitError{Path: n.cell.place.Path, Limit: MaxWatches}
	}

	w = &watch[M]{of: n, other: other, to: to, into: into}

	if n.watches == nil {
		n.watches = make(map[target]*watch[M])
	}

	n.watches[other] = w

	return w, old, nil
}

func (c *Context[M]) unwatch(pid *actor.PID) bool {
	if c.ofNobody() {
		return false
	}

	n := c.inc().noticed()
	if n == nil {
		return false
	}

	n.mu.Lock()

	w := n.watches[c.cell.target(pid)]
	if w != nil {
		delete(n.watches, w.other)
		n.remove(w)
	}

	n.mu.Unlock()

	if w == nil {
		return false
	}

	w.to.leave(w)

	return true
}

func (w *watch[M]) key() any { return w }

func (w *watch[M]) wanted() bool {
	w.of.mu.Lock()
	defer w.of.mu.Unlock()

	return w.of.watches[w.other] == w
}

// terminated makes the message due, once.
func (w *watch[M]) terminated(t Terminated) {
	w.of.mu.Lock()

	tell := w.of.watches[w.other] == w && w.of.add(w)
	if tell {
		w.end = t
	}

	w.of.mu.Unlock()

	if tell {
		w.of.tell()
	}
}

// take implements source.
func (w *watch[M]) take() bool {
	delete(w.of.watches, w.other)

	return true
}

func (w *watch[M]) message() M { return w.into(w.end) }

// terminated takes what protoactor says of the end of an actor that is watched.
func (c *cell[M]) terminated(t *actor.Terminated) {
	inc := c.current.Load()
	if inc == nil {
		return
	}

	n := inc.noticed()
	if n == nil {
		return
	}

	n.mu.Lock()
	w := n.watches[c.target(t.GetWho())]
	n.mu.Unlock()

	if w == nil {
		return // it belonged to an earlier incarnation, or was ended
	}

	reason := ReasonStopped

	switch t.GetWhy() {
	case actor.TerminatedReason_Stopped:
	case actor.TerminatedReason_AddressTerminated:
		reason = ReasonUnreachable
	case actor.TerminatedReason_NotFound:
		reason = ReasonNotFound
	}

	w.terminated(terminatedStranger(t.GetWho(), reason))
}

func terminatedStranger(pid *actor.PID, reason TerminationReason) Terminated {
	return Terminated{Path: "/" + pid.GetId(), PID: pid, Reason: reason}
}
