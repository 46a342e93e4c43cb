// Package lifecycle is the decision core of a running tree: who is started, restarted, halted, drained, flushed,
// closed, and when somebody is given up on. It is a pure state machine. It has no clock, no goroutines and no actors:
// time and what actors report come in through [Machine.Step], and what is to be done comes out as [Effect] values,
// which package system carries out.
//
//	reports, requests, time ──▶ Machine.Step ──▶ effects
//
// Start reading at machine.go, which holds the state and the dispatch; view.go is what can be asked of it. report.go
// sorts what actors report. order.go brings children down and up in order, which start.go uses for a start, and
// supervise.go, which decides about failures, for halts and the restarts of the groups that group.go knows. dynamic.go
// has the children that come and go at run time. alone.go stops one actor by itself, part.go all of a part of the tree
// so; shutdown.go goes through the phases in the order that walk.go knows, with the tasks of task.go; deadline.go cuts
// steps short and gives up on them, with the heap of timers.go.
package lifecycle
