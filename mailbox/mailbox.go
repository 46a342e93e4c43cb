package mailbox

import (
	"errors"
	"sync"
)

// Command is a set of lifecycle commands, the content of the system lane. What each bit means is the receiver's
// business; posting one that is already pending changes nothing.
type Command uint32

// ErrNilContext is returned where a nil context is given, wrapped with who was to be sent to or asked for what.
var ErrNilContext = errors.New("nil context")

// status says who is responsible for looking at the mailbox next.
type status uint8

const (
	// idle: nobody; whoever adds work makes it busy and starts a turn.
	idle status = iota
	// busy: a turn is running or about to.
	busy
	// suspended: nobody, and only a command starts a turn; messages wait.
	suspended
)

// gate says what a mailbox takes in. It only ever moves forward.
type gate uint8

const (
	// open: everything.
	open gate = iota
	// sealed: only what the receiver itself still brings in (inner sends).
	sealed
	// closed: nothing.
	closed
)

// Mailbox is a typed, bounded queue with many senders and one receiver. Make one with [New]. All methods are safe for
// concurrent use. The zero Mailbox has no room and no receiver: sends answer [ErrNoMailbox], and what else there is
// does nothing. A nil one is not a mailbox, its methods panic.
//
// It is a monitor: everything but two words of the lease is guarded by one mutex, which is held for a few instructions
// and never while user code runs. A sender takes it once per message. The receiver takes it once per batch, the stretch
// of a segment it works through alone. What synchronises with what:
//
//   - A message is written and read under mu, or in a batch that was handed over under mu: it is whole.
//   - No wake-up is lost, because a receiver finds its lanes empty and becomes idle in one critical section, and a
//     sender appends and makes an idle receiver busy in one: whichever comes second sees what the first has done.
//   - The receiver claims the messages of its batch without mu, by an atomic add to Lease.claims. A sender that knows
//     of no room reads claims. It can only be read late, so a lane never holds more than its capacity; and a claim is
//     made before the receiver handles the message, so room that there is can be seen at once.
//   - A sender that waits first sets sendersWait and then reads claims; the receiver first adds to claims and then
//     reads sendersWait. Atomic operations have one order, so at least one of them sees the other, and no sender
//     sleeps while there is room.
//   - A revocation is a critical section that makes claims void with an atomic or. A claim before it is the old
//     holder's and known to the revocation; one after it sees that it is void. What puts the message in hand aside is
//     one too, with a compare-and-swap: it knows which message it was, and the next claim sees that it is gone.
type Mailbox[M any] struct {
	*common[M] // immutable from the first turn on, and guarded by mu until then

	mu     sync.Mutex
	status status
	gate   gate
	data   lane[M]
	// control is made when it is first needed.
	control *lane[M]
	// aside is what has left the lanes to be taken again; nil until there is something.
	aside *aside[M]
	// lease is the valid one. It is nil before it is first needed, and again once its holder has given it up (Spare).
	lease   *Lease[M]
	settled counts

	receiver Receiver[M] // immutable
}

// Receiver is whose a mailbox is, as an interface: see [New] for what its methods do. Its name, too, can change only
// before the first turn.
type Receiver[M any] interface {
	Name() string
	Run(l *Lease[M])
	Dropped(m M, cause error)
}

// functions are a receiver made of functions; dropped may be nil.
type functions[M any] struct {
	name    string
	run     func(l *Lease[M])
	dropped func(m M, cause error)
}

// standalone is a mailbox that is not part of a larger struct. Objects of one size lie side by side: it keeps what
// senders write for each message a cache line away from the next one's.
type standalone[M any] struct {
	box       Mailbox[M]
	functions functions[M]
	_         [32]byte
}

func (f *functions[M]) Name() string             { return f.name }
func (f *functions[M]) Run(l *Lease[M])          { f.run(l) }
func (f *functions[M]) Dropped(m M, cause error) { f.dropped(m, cause) }

// New makes a mailbox. Name is what errors call it, for an actor its path. Run is called, on a goroutine as
// [Options.Dispatch] says, whenever there is work and nobody at it, with the lease that is valid then; it must go on
// until [Lease.Next] or [Lease.Rest] says that the turn is over. Dropped is given each message that a lane dropped by
// its policy, with a [*DroppedError], on the goroutine of the sender that made it so; it must not block, and may be nil
// if no lane drops. Nil options mean [Defaults]; options out of range are reported, all at once.
//
// A mailbox begins suspended: it takes messages in, up to its capacities, and run is not called for them before the
// first command, see [Mailbox.Signal].
func New[M any](
	name string, options *Options, run func(l *Lease[M]), dropped func(m M, cause error),
) (*Mailbox[M], error) {
	if run == nil {
		return nil, errors.New("mailbox.New: run is nil, must be the receiver's function")
	}

	if dropped == nil && options != nil && (options.Overflow.drops() || options.ControlOverflow.drops()) {
		return nil, errors.Join(options.Validate(),
			errors.New("mailbox.New: dropped is nil, must be a function where a lane drops messages"))
	}

	t, err := NewTemplate[M](options)
	if err != nil {
		return nil, err
	}

	s := &standalone[M]{functions: functions[M]{name, run, dropped}}
	t.Init(&s.box, &s.functions)

	return &s.box, nil
}

// Signal posts a command to the system lane. It never blocks and is never refused.
func (b *Mailbox[M]) Signal(c Command) {
	b.mu.Lock()
	b.valid().urgent.Or(uint64(c))

	var turn *Lease[M]
	if b.status != busy && b.common != nil {
		b.status, turn = busy, b.lease
	}

	b.mu.Unlock()
	b.start(turn, false)
}

// name is what errors call the mailbox.
func (b *Mailbox[M]) name() string {
	if b.receiver == nil {
		return "mailbox.Mailbox"
	}

	return b.receiver.Name()
}

// valid returns the valid lease, making it if there is none. Called with mu held.
func (b *Mailbox[M]) valid() *Lease[M] {
	if b.lease == nil {
		b.lease = newLease(b)
	}

	return b.lease
}

// claims returns what has been claimed under the valid lease. Called with mu held.
func (b *Mailbox[M]) claims() uint64 {
	if b.lease == nil {
		return 0 // a receiver that has had a message keeps its lease
	}

	return b.lease.claims.Load()
}

// Seal makes both lanes refuse senders with [ErrStopping]; what was accepted stays. Senders that wait are refused.
func (b *Mailbox[M]) Seal() {
	b.mu.Lock()
	defer b.mu.Unlock()

	b.shut(sealed)
}

// SealSpared is Seal. It reports whether the receiver is at rest and has given up its lease, see [Spare]: then there
// has never been a message, and will be none but its own. It does not if the receiver has never run, for messages may
// wait for it.
func (b *Mailbox[M]) SealSpared() bool {
	b.mu.Lock()
	defer b.mu.Unlock()

	b.shut(sealed)

	return b.lease == nil && b.status == idle
}

// RestSpared has a receiver that has never run begin at rest, without a lease, as if it had given it up, see [Spare].
// It reports false, and does nothing, if there is something for the receiver already.
func (b *Mailbox[M]) RestSpared() bool {
	b.mu.Lock()
	defer b.mu.Unlock()

	if b.common == nil || b.status != suspended || b.lease != nil || b.data.count != 0 || b.control != nil {
		return false
	}

	b.status = idle

	return true
}

// Close makes both lanes refuse everything with [ErrStopped] and tells every outstanding ticket. What is queued stays
// until the receiver takes it.
func (b *Mailbox[M]) Close() {
	b.mu.Lock()
	b.close()

	lost := b.data.tickets().takeBelow(b.data.count)
	if b.control != nil {
		lost = append(lost, b.control.tickets().takeBelow(b.control.count)...)
	}

	lost = append(append(lost, b.aside.takenTickets()...), b.aside.waitingTickets()...)

	b.mu.Unlock()
	lost.tell(&SendError{Target: b.name(), Err: ErrStopped})
}

// CloseEmpty is Close if nothing is left to be dealt with: no message in the queue or in hand, nothing that was ever
// put aside, no outstanding ticket. Else it does nothing and returns false.
func (b *Mailbox[M]) CloseEmpty() bool {
	b.mu.Lock()
	defer b.mu.Unlock()

	left := b.aside != nil || b.waiting() > 0 || b.handling(b.claims()) ||
		b.data.tickets().any() || b.control != nil && b.control.tickets().any()
	if !left {
		b.close()
	}

	return !left
}

// close shuts the lanes for good. Called with mu held.
func (b *Mailbox[M]) close() {
	b.shut(closed)

	if b.lease != nil {
		b.retire(b.lease)
	}
}

// shut moves the gate and answers the waiting senders it shuts out. Called with mu held.
func (b *Mailbox[M]) shut(to gate) {
	if b.gate >= to {
		return
	}

	b.gate = to
	b.shutLane(&b.data)

	if b.control != nil {
		b.shutLane(b.control)
	}
}

func (b *Mailbox[M]) shutLane(l *lane[M]) {
	for e := l.blocked(); e != nil; {
		w, next := e.of, e.next
		if err := b.refuse(l, w.accepted != nil); err != nil {
			b.leave(l, w)
			w.answer(err)
		}

		e = next
	}
}

// lane returns the lane of that kind, making the control lane when it is first needed, or nil if there is no such.
// Called with mu held.
func (b *Mailbox[M]) lane(kind Lane) *lane[M] {
	switch kind {
	case Data:
		return &b.data
	case Control:
		if b.control == nil && b.common != nil {
			b.control = new(lane[M])
			b.control.init(Control, int(b.options.Control), b.options.ControlOverflow)
		}

		return b.control
	default:
		return nil
	}
}

// rouse makes an idle mailbox busy. It returns the lease whose turn the caller must start, once it has released mu, or
// nil. Called with mu held, after a message was appended to the lane.
func (b *Mailbox[M]) rouse(l *lane[M]) *Lease[M] {
	if b.status != idle {
		return nil
	}

	b.status = busy

	lease := b.valid()
	if l.batched {
		lease.first(l) // a receiver at rest has no batch; this one spares it a look at the lanes
	}

	return lease
}

// Owner returns the [Receiver].
func (b *Mailbox[M]) Owner() any { return b.receiver }

// Closed reports whether [Mailbox.Close] has been called.
func (b *Mailbox[M]) Closed() bool {
	b.mu.Lock()
	defer b.mu.Unlock()

	return b.gate == closed
}
