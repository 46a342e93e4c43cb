// Package system runs a supervision tree: it starts the actors in dependency order, keeps them running, and stops
// everything in order with a report that accounts for every message.
//
//	err := system.Run(ctx, tree, system.Options{Grace: 25 * time.Second})
//
// [Run] returns when the tree has stopped: its context ended, a signal came, or the root supervisor gave up. [Start]
// is for programs that want to talk to their actors from outside, through [System.Intake].
//
// A shutdown has four phases. Intake: a service stops its listeners, with [Options.Tasks]; then messages from outside
// the tree are refused, actors still talk to each other. Drain: each actor refuses new messages and works off its
// queue, dependents before what they depend on, independent ones side by side. Flush: Flush hooks. Close: Close hooks,
// in the same order. Every step has a deadline and later phases keep their share of the grace period, so one actor that
// hangs cannot cost the others theirs.
//
// [System.StopNode] stops a part of the tree. [System.Health] says how the tree is, [System.Events] what happens in it;
// the log is one of those who listen.
//
// Start reading at system.go; conductor.go carries out what the state machine in internal/lifecycle decides. events.go
// and office.go are built on the bounded stream of stream.go. tasks.go runs the tasks of a shutdown, part.go stops a
// part of the tree, report.go says how it went.
package system
