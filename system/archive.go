package system

import (
	"errors"

	"github.com/troupe-go/troupe/internal/chain"
)

// LetterEvent is what happened to a letter.
type LetterEvent struct {
	Letter Letter
	// Replayed says that its message was accepted by its target, and the letter is no more; else it is a new one.
	Replayed bool
}

const (
	// archiveRoom is how many letters wait for Options.OnLetters at most.
	archiveRoom = 4096
	// maxLeaving is how many letters can be on their way out at a time: being replayed, or replayed and waiting for
	// Options.OnLetters to be told.
	maxLeaving = 1024
)

// archive calls Options.OnLetters on a goroutine of its own. A nil archive does nothing.
type archive struct {
	keep   func([]LetterEvent) error
	office *Office
	wake   chan struct{} // has room for one
	// The following are guarded by Office.mu.
	waiting []LetterEvent // at most archiveRoom new ones and maxLeaving replayed ones
	fresh   int           // the new ones among them
	missed  uint64
	closed  bool

	stopped chan struct{}
	err     error // the first; to be read when stopped is closed
}

func newArchive(keep func([]LetterEvent) error, f *Office) *archive {
	if keep == nil {
		return nil
	}

	a := &archive{keep: keep, office: f, wake: make(chan struct{}, 1), stopped: make(chan struct{})}

	go a.run()

	return a
}

// filed tells of a new letter, if there is room. Called with Office.mu held.
func (a *archive) filed(l Letter) {
	switch {
	case a == nil:
	case a.closed || a.fresh == archiveRoom:
		a.missed++
	default:
		a.fresh++
		a.tell(LetterEvent{Letter: l})
	}
}

// left tells of a letter that was replayed. It reports whether the letter is on its way out until somebody has heard.
// Called with Office.mu held, for a letter among Office.leaving.
func (a *archive) left(l Letter) (waits bool) {
	if a == nil || a.closed {
		return false
	}

	a.tell(LetterEvent{Letter: l, Replayed: true})

	return true
}

func (a *archive) tell(e LetterEvent) {
	a.waiting = append(a.waiting, e)

	select {
	case a.wake <- struct{}{}:
	default: // it is to look already
	}
}

// run is the archive's goroutine. It ends when the office is closed and everything is told.
func (a *archive) run() {
	defer close(a.stopped)

	exited := true

	defer func() {
		if exited {
			a.stop()
		}
	}()

	for {
		batch, closed := a.take()

		switch {
		case len(batch) > 0:
			a.hand(batch)
		case closed:
			exited = false

			return
		default:
			<-a.wake
		}
	}
}

// take returns all that waits.
func (a *archive) take() (batch []LetterEvent, closed bool) {
	a.office.mu.Lock()
	defer a.office.mu.Unlock()

	batch, a.waiting, a.fresh = a.waiting, nil, 0

	return batch, a.closed
}

// hand calls the function. It may end the goroutine.
func (a *archive) hand(batch []LetterEvent) {
	err := errArchiveExited

	defer func() { a.told(batch, err) }()

	err = guard("OnLetters", func() error {
		if err := a.keep(batch); err != nil {
			return chain.Wrap("system.Options.OnLetters", err)
		}

		return nil
	})
}

// told lets go the letters that have left, and counts those that were not kept.
func (a *archive) told(batch []LetterEvent, err error) {
	if a.err == nil {
		a.err = err
	}

	a.office.mu.Lock()
	defer a.office.mu.Unlock()

	for i := range batch {
		switch {
		case batch[i].Replayed:
			delete(a.office.leaving, batch[i].Letter.Number)
		case err != nil:
			a.missed++
		}
	}
}

// stop takes no more, and lets go what waits.
func (a *archive) stop() {
	a.office.mu.Lock()
	a.closed = true
	a.office.mu.Unlock()

	rest, _ := a.take()
	a.told(rest, errArchiveExited)
}

var (
	errArchive       = errors.New("system.Options.OnLetters does not return")
	errArchiveExited = errors.New("system.Options.OnLetters has ended its goroutine, and was told of no more letters")
)

// close lets it end, and waits until it has, for [ForcedGrace] at most. It returns what did not go well.
func (a *archive) close() error {
	if a == nil {
		return nil
	}

	a.office.mu.Lock()
	a.closed = true
	a.office.mu.Unlock()

	select {
	case a.wake <- struct{}{}:
	default:
	}

	if !ended(a.stopped) {
		return errArchive
	}

	return a.err
}
