package files

import (
	"fmt"
	"sync"
)

// kept is the offset of a source: the places behind the items that are under way, and the one that is saved. It is safe
// for concurrent use, if commit is called by one goroutine at a time.
type kept[P any] struct {
	mu    sync.Mutex // guards the following
	first uint64     // the number of the item of waiting[0]
	// waiting are the places behind the items first, first+1, and so on: those that are handed out and not committed.
	waiting []P
	done    P    // behind the items that are committed
	dirty   bool // done is not saved
}

// add remembers the place behind the next item.
func (k *kept[P]) add(p P) {
	k.mu.Lock()
	defer k.mu.Unlock()

	k.waiting = append(k.waiting, p)
}

// commit saves the place behind the items before number n, as what saved makes of it. What could not be saved is tried
// again the next time.
func (k *kept[P]) commit(n uint64, path string, saved func(P) any) error {
	p, dirty, err := k.settle(n)
	if err != nil || !dirty || path == "" {
		return err
	}

	if err := save(path, saved(p)); err != nil {
		return err
	}

	k.mu.Lock()
	defer k.mu.Unlock()

	k.dirty = false

	return nil
}

// settle forgets the items before number n, and returns the place to be saved, if there is one.
func (k *kept[P]) settle(n uint64) (p P, dirty bool, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()

	if n < k.first || n > k.first+uint64(len(k.waiting)) {
		return p, false, fmt.Errorf(
			"files: commit of %d items: %d are committed and %d handed out: a source is for one system",
			n, k.first, k.first+uint64(len(k.waiting)))
	}

	if i := n - k.first; i > 0 {
		k.done, k.dirty = k.waiting[i-1], true
		k.waiting = append(k.waiting[:0], k.waiting[i:]...)
		k.first = n
	}

	return k.done, k.dirty, nil
}
