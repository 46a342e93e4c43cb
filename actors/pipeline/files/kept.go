package files

import "sync"

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
	p, dirty := k.settle(n)
	if !dirty || path == "" {
		return nil
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
func (k *kept[P]) settle(n uint64) (P, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()

	if n > k.first && len(k.waiting) > 0 {
		i := min(n-k.first, uint64(len(k.waiting)))
		k.done, k.dirty = k.waiting[i-1], true
		k.waiting = append(k.waiting[:0], k.waiting[i:]...)
		k.first += i
	}

	return k.done, k.dirty
}
