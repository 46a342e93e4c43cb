package audit

import (
	"fmt"
	"runtime"
	"time"
)

// HeapSlack is how many bytes of live heap the program may have beyond twice those of its first sample.
const HeapSlack = 32 << 20

// heap are samples of the live heap.
type heap struct {
	first, last, most uint64
	samples           int
}

// SampleHeap collects garbage and returns the bytes of the heap that are live.
func SampleHeap() uint64 {
	runtime.GC()

	var m runtime.MemStats

	runtime.ReadMemStats(&m)

	return m.HeapAlloc
}

// Heap takes a sample of the live heap, which must not grow with time.
func (a *Audit) Heap(live uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()

	h := &a.heap
	h.samples++

	if h.samples == 1 {
		h.first = live
	}

	h.last, h.most = live, max(h.most, live)

	if bound := 2*h.first + HeapSlack; live > bound {
		a.violatef("memory", "the live heap has grown from %d to %d bytes, the bound is %d", h.first, live, bound)
	}
}

// Machine is what the program had of the machine.
type Machine struct {
	Rests             int    // at which the heap was looked at
	First, Last, Most uint64 // bytes of live heap
	Stall             time.Duration
}

// Machine returns the figures so far.
func (a *Audit) Machine() Machine {
	a.mu.Lock()
	defer a.mu.Unlock()

	return Machine{a.heap.samples, a.heap.first, a.heap.last, a.heap.most, a.longest}
}

// String says it in words.
func (m Machine) String() string {
	return fmt.Sprintf("%d rests, live heap %d KiB at the first, %d at the last, %d at most; longest stall %v",
		m.Rests, m.First>>10, m.Last>>10, m.Most>>10, m.Stall.Round(time.Millisecond))
}
