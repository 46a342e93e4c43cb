// Package mailbox holds the queue every Troupe actor reads from: typed, bounded, and able to account for
// every message it ever accepted.
//
//	senders ──▶ control lane ──┐
//	senders ──▶ data lane    ──┤──▶ Lease.Next ──▶ the actor, one message at a time
//	runtime ──▶ system lane  ──┘    (system before control before data, looked at again before every message)
//
// A [Mailbox] has many senders and one receiver. Senders use [Mailbox.Send] (waits for room, refuses or drops, by the
// lane's [Overflow] policy) and [Mailbox.TrySend] (never waits). The receiver holds the [Lease]: the right to take
// messages. A lease can be revoked while its holder is stuck in user code, and the next one takes over at exactly the
// following message; that is what makes it possible to abandon an actor that does not return.
//
// The system lane holds no messages but a set of [Command] bits: posting a command that is already pending changes
// nothing, so the lane is bounded by construction and a full data lane cannot refuse or delay it.
//
// Every message is counted when it is accepted and again when its fate is known, so [Mailbox.Stats] obeys the law of
// conservation: accepted = processed + failed + dead-lettered + dropped + stashed + queued + handling.
//
// [Producer] gives such a mailbox to a plain protoactor actor; its receiver is an [Adapter] then.
//
// Start reading at mailbox.go (what guards what, and why no wake-up is lost), then send.go (sending), lease.go
// (receiving) and lane.go (the queue between them).
package mailbox
