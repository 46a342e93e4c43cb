package system

import (
	"sync"
	"sync/atomic"

	"github.com/troupe-go/troupe/internal/doubling"
	"github.com/troupe-go/troupe/internal/node"
)

// inbox holds the reports of actors that the machine has not been given yet, in the order they came. Actors report each
// step of theirs once, so there are at most a few of each.
type inbox struct {
	mu      sync.Mutex
	reports []node.Report
	spare   []node.Report // what was taken last, to be used again; its holder is done with it when the next one takes
	// some says that there are reports; written with mu held. Who takes may miss one that is just being put: if it is the
	// first, whoever puts it comes to take.
	some atomic.Bool
}

// put adds a report. It returns whether it is the first: then it is for the caller to see to it that all that are there
// by then are taken.
func (i *inbox) put(r node.Report) (first bool) {
	i.mu.Lock()
	defer i.mu.Unlock()

	i.reports = doubling.Append(i.reports, r)
	i.some.Store(true)

	return len(i.reports) == 1
}

// take returns the reports that are there. They are the caller's until the next call, which is not to come before.
// Called with conductor.mu held.
func (i *inbox) take() []node.Report {
	const keep = 1024 // reports, so that a time when many more came does not cost memory for ever

	if !i.some.Load() {
		return nil
	}

	i.mu.Lock()
	defer i.mu.Unlock()

	i.some.Store(false)

	all := i.reports
	clear(i.spare)

	i.reports, i.spare = i.spare[:0], nil
	if cap(all) <= keep {
		i.spare = all
	}

	return all
}
