// Package lifecycle is the decision core of a running tree: who is started, restarted, halted, drained, flushed,
// closed, and when somebody is given up on. It is a pure state machine. It has no clock, no goroutines and no actors:
// time and what actors report come in through [Machine.Step], and what is to be done comes out as [Effect] values,
// which package system carries out.
//
//	reports, requests, time ──▶ Machine.Step ──▶ effects
//
// machine.go holds the state and the dispatch, supervise.go what happens while the system runs (rules S1–S7 of OTP's
// supervisor with back-off and budgets), shutdown.go the phases of a stop, walk.go the order of a phase, timers.go the
// deadlines.
package lifecycle
