package pipeline

import (
	"context"
	"time"
)

// maxTold is how many acknowledgements a source is told at a time.
const maxTold = 256

// tell tells the source what is pending, once. Buf is for the acknowledgements. Called by one goroutine at a time,
// apart from one that hangs in it and was given up on, see retell. What the source has failed with, also if it panics,
// it has been told.
func (t *tracker) tell(ctx context.Context, source any, buf []Ack) (err error) {
	t.all.mu.Lock()
	n := copy(buf[:maxTold], t.told)
	t.told = t.told[:copy(t.told, t.told[n:])]
	t.telling = n
	teller := t.teller
	done, commit := t.done, t.commits && t.done > t.committed
	t.all.mu.Unlock()

	committed := false

	defer func() {
		t.all.mu.Lock()
		defer t.all.mu.Unlock()

		if t.teller != teller {
			return // somebody else tells
		}

		t.telling = 0

		if committed {
			t.committed = done
		}

		t.all.wake()
	}()

	if n > 0 {
		a, _ := source.(Acknowledger)
		err = a.Acknowledge(ctx, buf[:n])
	}

	if commit && err == nil && t.isTeller(teller) {
		c, _ := source.(Committer)
		err = c.Commit(ctx, done)
		committed = err == nil
	}

	return err
}

// tellAll tells the source everything that is pending, as long as that is the caller's to do.
func (t *tracker) tellAll(ctx context.Context, mine func() bool, source any, buf []Ack) error {
	for mine() {
		t.all.mu.Lock()
		pending := t.pending()
		t.all.mu.Unlock()

		if !pending {
			return nil
		}

		if err := t.tell(ctx, source, buf); err != nil {
			return err
		}
	}

	return nil
}

// follow tells the source what is pending whenever there is something, until ctx ends; every so often at most, so that
// what it commits is worth it.
func (t *tracker) follow(ctx context.Context, mine func() bool, source any, every time.Duration) error {
	buf := make([]Ack, maxTold)

	for {
		select {
		case <-t.changed:
		case <-ctx.Done():
			return nil
		}

		if err := t.tellAll(ctx, mine, source, buf); err != nil {
			return err
		}

		if every <= 0 {
			continue
		}

		select {
		case <-time.After(every):
		case <-t.urgent:
		case <-ctx.Done():
			return nil
		}
	}
}
