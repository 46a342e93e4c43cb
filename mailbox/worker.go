package mailbox

import "runtime"

// worker is a goroutine that runs all turns of one lease, with the dispatch [Dedicated] or [Pinned].
//
// It is started by the first turn. It ends when it is retired, which is when its lease is revoked or the mailbox is
// closed, once the turn that it is in or that was started is over.
type worker struct {
	// wake has room for the one turn that can be about to begin; closed when the worker is retired.
	wake chan struct{}
}

// startWorker starts a turn of the lease on its worker.
func (b *Mailbox[M]) startWorker(l *Lease[M]) {
	b.mu.Lock()
	defer b.mu.Unlock()

	w := l.worker
	if w == nil {
		w = &worker{wake: make(chan struct{}, 1)}

		go w.work(l.turn, b.options.Dispatch == Pinned)

		l.worker = w
	}

	w.wake <- struct{}{}

	if b.gate == closed || b.lease != l {
		b.retire(l) // one turn only
	}
}

// retire lets the worker of a lease end. Called with mu held.
func (b *Mailbox[M]) retire(l *Lease[M]) {
	if l.worker != nil {
		close(l.worker.wake)
		l.worker = nil
	}
}

// work is the worker's goroutine.
func (w *worker) work(turn func(), pinned bool) {
	ended := false

	defer func() {
		if !ended {
			go w.work(turn, pinned) // runtime.Goexit in a turn took this goroutine
		}
	}()

	if pinned {
		runtime.LockOSThread() // and never unlock: the thread ends with the goroutine
	}

	for range w.wake {
		turn()
	}

	ended = true
}
