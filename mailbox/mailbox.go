package mailbox

import (
	"context"
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
// whenever there is work and nobody at it; it must call [Mailbox.Begin] and go on until [Lease.Rest] returns false.
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

// Send puts a message into a lane. It returns nil if the message was accepted; a [*FullError] if the lane is full and
// its policy is [Reject]; a [*SendError] around [ErrStopping] or [ErrStopped]; or the context's error. Under [Block]
// it waits for room, first come first served; whatever ends the wait, the answer is the truth about the message.
func (b *Mailbox[M]) Send(ctx context.Context, to Lane, m M) error {
	return b.send(ctx, to, m, nil, false)
}

// SendTicket is [Mailbox.Send] for a sender that wants to learn of the message's loss. If it returns nil the ticket is
// outstanding until its Loser was told or [Mailbox.Forget].
func (b *Mailbox[M]) SendTicket(ctx context.Context, to Lane, m M, t *Ticket) error {
	return b.send(ctx, to, m, t, false)
}

// SendInner is [Mailbox.Send] for what the receiver itself brings in: it is still accepted after [Mailbox.Seal].
func (b *Mailbox[M]) SendInner(ctx context.Context, to Lane, m M) error {
	return b.send(ctx, to, m, nil, true)
}

func (b *Mailbox[M]) send(ctx context.Context, to Lane, m M, t *Ticket, inner bool) error {
	if ctx == nil {
		return ErrNilContext
	}

	if err := ctx.Err(); err != nil {
		return err
	}

	l := b.lane(to)
	l.mu.Lock()

	if l.gate != open {
		if err := l.refuse(b.name, inner); err != nil {
			l.mu.Unlock()

			return err
		}
	}

	if !b.room(l) {
		return b.wait(ctx, l, m, t, inner)
	}

	l.append(m, t)
	l.mu.Unlock()
	b.wake()

	return nil
}

// TrySend puts a message into a lane if there is room now. It never blocks, whatever the lane's policy. Its answers
// are those of [Mailbox.Send].
func (b *Mailbox[M]) TrySend(to Lane, m M) error {
	l := b.lane(to)
	l.mu.Lock()

	err := l.refuse(b.name, false)
	if err == nil && !b.room(l) {
		err = l.full(b.name)
	}

	if err != nil {
		l.mu.Unlock()

		return err
	}

	l.append(m, nil)
	l.mu.Unlock()
	b.wake()

	return nil
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

// Forget takes back a ticket whose sender no longer waits. It reports whether the ticket was still outstanding; if
// not, its Loser has been or is being told.
func (b *Mailbox[M]) Forget(t *Ticket) bool {
	l := b.lane(t.lane) // written before SendTicket returned
	l.mu.Lock()
	defer l.mu.Unlock()

	if !t.linked {
		return false
	}

	l.tickets.remove(t)

	return true
}

// Queued returns how many messages wait in both lanes.
func (b *Mailbox[M]) Queued() int {
	s := b.Stats()

	return int(s.Queued) //nolint:gosec // at most the sum of two capacities
}

// Stats returns what was counted so far. It is exact whenever the receiver is at rest, and off by no more than what is
// sent and taken during the call otherwise.
func (b *Mailbox[M]) Stats() Stats {
	b.data.mu.Lock()
	defer b.data.mu.Unlock()

	c := b.control.Load()
	if c != nil {
		c.mu.Lock()
		defer c.mu.Unlock()
	}

	var s Stats

	if b.dead != nil {
		s.DeadLettered = *b.dead
	}

	// With both locks held nothing is accepted; if claims does not move while the outcomes are read, the receiver has
	// not moved either and the snapshot is consistent.
	const attempts = 16

	lease := b.lease.Load()
	for range attempts {
		claims := lease.claims.Load()
		s.Processed, s.Failed = b.processed.Load(), b.failed.Load()
		s.Queued = b.data.count - claimedOf(&b.data, claims)
		s.Accepted = b.data.count
		s.Handling = 0

		if claims&free == 0 {
			s.Handling = 1
		}

		if c != nil {
			s.Queued += c.count - claimedOf(c, claims)
			s.Accepted += c.count
		}

		if lease.claims.Load() == claims && s.Unaccounted() == 0 {
			break
		}
	}

	s.Refused = b.data.refusals()
	if c != nil {
		more := c.refusals()
		for i := range more {
			s.Refused[i] += more[i]
		}
	}

	return s
}

func (l *lane[M]) refusals() Counts {
	var c Counts

	c[Full], c[Stopping], c[Stopped] = l.refused[0], l.refused[1], l.refused[2]

	return c
}

// lane returns the lane of that kind, making the control lane when it is first needed.
func (b *Mailbox[M]) lane(kind Lane) *lane[M] {
	if kind != Control {
		return &b.data
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

// room reports whether a message can be appended now. Called with l.mu held. Waiting senders come first, so there is
// none while any waits.
func (b *Mailbox[M]) room(l *lane[M]) bool {
	if l.waiters.first != nil {
		return false
	}

	if l.count-l.claimed < l.capacity {
		return true
	}

	l.claimed = claimedOf(l, b.lease.Load().claims.Load())

	return l.count-l.claimed < l.capacity
}

// wait is the slow path of send: the lane is full. Called with l.mu held; releases it.
func (b *Mailbox[M]) wait(ctx context.Context, l *lane[M], m M, t *Ticket, inner bool) error {
	if l.overflow == Reject {
		err := l.full(b.name)
		l.mu.Unlock()

		return err
	}

	w := l.waiters.make(m, t, inner)
	l.waiters.push(w)
	l.waiting.Add(1)
	b.admit(l) // room may have come up before waiting was set
	l.mu.Unlock()
	b.wake()

	select {
	case <-w.ready:
		l.mu.Lock()
	case <-ctx.Done():
		l.mu.Lock()

		if w.linked {
			l.waiters.remove(w)
			l.waiting.Add(-1)

			w.err = ctx.Err()
		} else {
			<-w.ready // answered already: that answer stands
		}
	}

	err := w.err
	l.waiters.recycle(w)
	l.mu.Unlock()

	return err
}

// admit lets waiting senders in as far as there is room. Called with l.mu held, by senders and by the receiver.
func (b *Mailbox[M]) admit(l *lane[M]) {
	for w := l.waiters.first; w != nil; w = l.waiters.first {
		if l.count-l.claimed >= l.capacity {
			l.claimed = claimedOf(l, b.lease.Load().claims.Load())

			if l.count-l.claimed >= l.capacity {
				return
			}
		}

		l.waiters.remove(w)
		l.waiting.Add(-1)
		l.append(w.message, w.ticket)
		w.ready <- struct{}{}
	}
}

// wake starts a turn if nobody is at it. A message is published before status is read; see [Lease.Rest].
func (b *Mailbox[M]) wake() {
	if b.status.Load() == idle && b.status.CompareAndSwap(idle, busy) {
		go b.run()
	}
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

// orphan tells every outstanding ticket of messages that left the queue, or of all once the mailbox is closed. On
// behalf of a lease it does nothing once that was revoked.
func (b *Mailbox[M]) orphan(by *Lease[M], cause error) {
	b.orphanLane(&b.data, by, cause)

	if c := b.control.Load(); c != nil {
		b.orphanLane(c, by, cause)
	}
}

func (b *Mailbox[M]) orphanLane(l *lane[M], by *Lease[M], cause error) {
	l.mu.Lock()

	lease := b.lease.Load() // does not change while a lane is locked
	if by != nil && by != lease {
		l.mu.Unlock()

		return
	}

	end := claimedOf(l, lease.claims.Load())
	if l.gate == closed {
		end = l.count
	}

	t := l.tickets.takeBelow(end)
	l.mu.Unlock()
	lose(t, cause)
}

func (b *Mailbox[M]) countDead(r Reason) {
	b.data.mu.Lock()
	defer b.data.mu.Unlock()

	if b.dead == nil {
		b.dead = new(Counts)
	}

	b.dead[r]++
}
