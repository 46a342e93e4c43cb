// Package lifecycle is the decision core of a running tree: who is started, restarted, halted, drained, flushed,
// closed, and when somebody is given up on. It is a pure state machine. It has no clock, no goroutines and no actors:
// time and what actors report come in through [Machine.Step], and what is to be done comes out as [Effect] values,
// which package system carries out.
//
//	reports, requests, time ──▶ Machine.Step ──▶ effects
//
// Start reading at machine.go, which holds the state and the dispatch. report.go sorts what actors report; start.go
// starts in order; supervise.go decides about failures, and halts; alone.go stops one actor by itself; shutdown.go goes
// through the phases in the order that walk.go knows; deadline.go cuts steps short and gives up on them, with the heap
// of timers.go.
package lifecycle
