package console

import (
	"errors"
	"fmt"
	"io"

	"github.com/schollz/progressbar/v3"
)

// bar is the view for a terminal. The library takes the rate it shows from the clock; how often it is drawn
// is decided by Progress.
type bar struct {
	w   io.Writer
	bar *progressbar.ProgressBar
	now drawn
}

// drawn is what the bar was told last. Telling it anything redraws it, so it is told what is new.
type drawn struct {
	done, full int
	text       string
}

func newBar(w io.Writer) *bar {
	const full = 1 // anything but -1, with which the library starts a goroutine
	b := &bar{w: w, now: drawn{full: full, text: "indexing"}}
	b.bar = progressbar.NewOptions(full,
		progressbar.OptionSetWriter(w),
		progressbar.OptionSetDescription(b.now.text),
		progressbar.OptionSetWidth(30),
		progressbar.OptionShowCount(),
		progressbar.OptionShowIts(),
		progressbar.OptionSetItsString("files"),
		progressbar.OptionUseANSICodes(true),
	)
	b.bar.StartWithoutRender()
	return b
}

// update shows s on a bar with at least one file to go. A full bar takes itself for finished and stays so;
// while the walker is still finding files it must not get there.
func (b *bar) update(s snapshot) error { return b.draw(s, max(s.total, s.done+1)) }

// finish leaves the last state on the screen and goes to the next line. The bar of a job that was stopped
// half-way stays half-full.
func (b *bar) finish(s snapshot) error {
	err := b.draw(s, max(s.total, s.done, 1))
	_, end := fmt.Fprintln(b.w)
	return errors.Join(err, end)
}

func (b *bar) draw(s snapshot, full int) error {
	if text := describe(s); text != b.now.text {
		b.now.text = text
		b.bar.Describe(text)
	}
	if full != b.now.full {
		b.now.full = full
		b.bar.ChangeMax(full)
	}
	add := s.done - b.now.done
	b.now.done = s.done
	return b.bar.Add(add)
}

func describe(s snapshot) string {
	if s.failed == 0 {
		return "indexing"
	}
	return "indexing, " + count(s.failed) + " failed"
}
