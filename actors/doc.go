// Package actors holds what a domain package needs to be an actor: the [Actor] interface, the [Context] it runs in,
// the typed reference [Ref], and request and reply with [Ask].
//
//	Ref.Tell ──▶ mailbox ──▶ run loop ──▶ Actor.Receive(ctx, message)
//	Ask      ──▶    "           "     ──▶      "    ──▶ Reply.Send ──▶ the asker
//
// An actor handles one message at a time, so its own state needs no lock: everything Receive did happens before the
// next Receive, on whatever goroutine. An error or a panic is a failure; the supervisor decides what follows.
// Optional hooks are interfaces of one method each: [Starter], [Flusher], [Closer], [HealthReporter].
//
// Actors are made and placed by package supervision and run by package system; this package knows neither. Start
// reading at actor.go; the run loop is in runner.go.
package actors
