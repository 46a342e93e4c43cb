// Package audit checks from outside what an actor system promises: it is told what every sender, receiver and hook saw,
// and says where that does not fit together. It counts for itself and looks at the framework's own figures only to
// compare them.
//
//	senders ──▶ Offer, Accept, Refuse ──▶ ┌───────┐ ◀── Settle (letters), Abandon (events)
//	actors  ──▶ Deliver, Done, Aside  ──▶ │ Audit │ ◀── Calm: everything at rest? nothing lost?
//	hooks   ──▶ Born, Enter, Close    ──▶ └───────┘ ◀── Reconcile: the shutdown report
//
// Start reading at audit.go; messages.go is the account of every message, lives.go that of every instance of an actor.
package audit
