// Bench compares Troupe's data path with protoactor-go and with a goroutine on a buffered channel: in one process, one
// after the other in every run, so that what the machine does meanwhile hits all of them alike.
//
//	go run ./internal/bench                      # tables, then lines: ratio WORKLOAD BASELINE VALUE
//	go run ./internal/bench -benchstat new.txt   # the same; every run goes there, not to .cache/bench.txt
//	go run ./internal/bench -workload ask,flood  # only these
//	go run ./internal/bench -cpuprofile DIR      # profiles Troupe alone, a file per run
//	go run ./internal/bench -smoke               # checks work and allocations, measures no time
//
// A [contender] sets a [workload] up as a [trial]; measure.go times the trial and checks that every message was handled
// with the contents it was sent with; summary.go makes figures of the samples and table.go prints them. All contenders
// send the same messages from the same number of goroutines to receivers that do the same with them (receiver.go).
// What each benchmark models is said at the contender interface.
//
// A channel has no supervision, so that is compared with protoactor's (supervising.go): what a crash and restart costs
// (restart.go), and what an actor costs that has nothing to do, in time to start and in bytes held (idle.go).
//
// A pipeline is compared with the others' chains, and a stage of it on two workers with one (pipeline.go).
//
// Two things ours does alone: tell-pointer, which shows what a message sent by pointer allocates (pointer.go), and the
// flood, in which an actor is blocked and its senders wait (flood.go). The flood is no race. It shows what the process
// uses meanwhile: CPU in a window in which nothing else happens, and live heap.
//
// Start reading at contender.go and measure.go.
package main
