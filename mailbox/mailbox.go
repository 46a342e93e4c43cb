package mailbox

import (
	"errors"
	"sync/atomic"
)

// Command is a set of lifecycle commands, the content of the system lane. What each bit means is the receiver's
// business; posting one that is already pending changes nothing.
type Command uint32

// ErrNilContext is returned where a nil context is given.
var ErrNilContext = errors.New("nil context")

// status says who is responsible for looking at the mailbox next.
type status = int32

const (
	// idle: nobody; whoever adds work makes it busy and starts a turn.
	idle status = iota
	// busy: a turn is running or about to.
	busy
	// suspended: nobody, and only a command starts a turn; messages wait.
	suspended
)

// Mailbox is a typed, bounded queue with many senders and one receiver. Make one with [New]. All methods are safe for
// concurrent use.
type Mailbox[M any] struct {
	data    lane[M]
	control atomic.Pointer[lane[M]] // made on first use, under data.mu
	lease   atomic.Pointer[Lease[M]]

	commands atomic.Uint32
	status   atomic.Int32

	_ [40]byte // what the receiver writes for every message stays off the line that senders read

	processed atomic.Uint64
	failed    atomic.Uint64
	dead      *Counts // guarded by data.mu; nil until the first dead letter

	name    string  // immutable
	options Options // immutable
	run     func()  // immutable
}

// New makes a mailbox. Name is what errors call it, for an actor its path. Run is called on a goroutine of its own
// whenever there is work and nobody at it; it must call [Mailbox.Begin] and go on until [Lease.Rest] says not again.
// Nil options mean [Defaults]; options out of range are reported, all at once.
func New[M any](name string, options *Options, run func()) (*Mailbox[M], error) {
	o := Defaults()

	if options != nil {
		if err := options.Validate(); err != nil {
			return nil, err
		}

		o = options.withDefaults()
	}

	if run == nil {
		return nil, errors.New("mailbox.New: run is nil, must be the receiver's function")
	}

	b := &Mailbox[M]{name: name, options: o, run: run}
	b.data.init(Data, o.Capacity, o.Overflow)
	b.status.Store(suspended)

	l := &Lease[M]{box: b}
	l.claims.Store(free | parked)
	b.lease.Store(l)

	return b, nil
}

// Signal posts a command to the system lane. It never blocks and is never refused.
func (b *Mailbox[M]) Signal(c Command) {
	b.commands.Or(uint32(c))

	for s := b.status.Load(); s != busy; s = b.status.Load() {
		if b.status.CompareAndSwap(s, busy) {
			go b.run()

			return
		}
	}
}

// Seal makes both lanes refuse senders with [ErrStopping]; what was accepted stays. Senders that wait are refused.
func (b *Mailbox[M]) Seal() { b.shut(sealed) }

// Close makes both lanes refuse everything with [ErrStopped] and tells every outstanding ticket. What is queued stays
// until the receiver takes it.
func (b *Mailbox[M]) Close() {
	b.shut(closed)
	b.orphan(nil, &SendError{Target: b.name, Err: ErrStopped})
}

// lane returns the lane of that kind, making the control lane when it is first needed, or nil if there is no such.
func (b *Mailbox[M]) lane(kind Lane) *lane[M] {
	switch kind {
	case Data:
		return &b.data
	case Control:
	default:
		return nil
	}

	if c := b.control.Load(); c != nil {
		return c
	}

	b.data.mu.Lock()
	defer b.data.mu.Unlock()

	c := b.control.Load()
	if c == nil {
		c = newLane[M](Control, b.options.Control, b.options.ControlOverflow)
		c.gate = b.data.gate
		b.control.Store(c)
	}

	return c
}

func (b *Mailbox[M]) shut(to gate) {
	b.data.mu.Lock()
	b.data.shut(to, b.name)
	c := b.control.Load() // made under data.mu, with data's gate
	b.data.mu.Unlock()

	if c != nil {
		c.mu.Lock()
		c.shut(to, b.name)
		c.mu.Unlock()
	}
}
