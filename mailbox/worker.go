package mailbox

import "runtime"

// worker is a goroutine that runs all turns of one lease, with the dispatch [Dedicated] or [Pinned].
//
// It is started by the first turn. It ends when it is retired, which is when its lease is revoked or the mailbox is closed,
// once the turn that it is in or that was started is over.
type worker struct {
	// wake has room for the one turn that can be about to begin; closed when the worker is retired.
	wake chan struct{}
}

// startWorker starts a turn on the worker of the valid lease.
func (b *Mailbox[M]) startWorker() {
	b.mu.Lock()
	defer b.mu.Unlock()

	w := b.lease.worker
	if w == nil {
		w = &worker{wake: make(chan struct{}, 1)}

		go b.work(w, b.options.Dispatch == Pinned)

		if b.gate == closed {
			w.wake <- struct{}{}
			close(w.wake) // one turn only

			return
		}

		b.lease.worker = w
	}

	w.wake <- struct{}{}
}

// retire lets the worker of a lease end. Called with mu held.
func (b *Mailbox[M]) retire(l *Lease[M]) {
	if l.worker != nil {
		close(l.worker.wake)
		l.worker = nil
	}
}

// work is the worker's goroutine.
func (b *Mailbox[M]) work(w *worker, pinned bool) {
	ended := false

	defer func() {
		if !ended {
			go b.work(w, pinned) // runtime.Goexit in a turn took this goroutine
		}
	}()

	if pinned {
		runtime.LockOSThread() // and never unlock: the thread ends with the goroutine
	}

	for range w.wake {
		b.run()
	}

	ended = true
}
