package console

import (
	"fmt"
	"io"
	"time"
)

// The default intervals of ProgressOptions.
const (
	DefaultBarEvery  = 100 * time.Millisecond
	DefaultLineEvery = 2 * time.Second
)

// ProgressOptions say how and how often progress is shown.
type ProgressOptions struct {
	// Terminal draws a bar that redraws itself; otherwise progress is plain lines.
	Terminal bool
	// Every is the shortest time between two updates. 0 means DefaultBarEvery on a terminal and
	// DefaultLineEvery elsewhere.
	Every time.Duration
	// EveryFiles is the smallest number of files between two updates, beside Every. 0 means that time
	// alone decides.
	EveryFiles int
	// Total returns how many files there are to do as far as known, 0 for unknown; it may grow. It is called
	// once an update, from within Add and Finish. nil means unknown.
	Total func() int
}

// Progress shows how far the work has come. It belongs to one goroutine at a time: it is not safe for
// concurrent use. Its methods block while the writer does.
type Progress struct {
	view    view
	options ProgressOptions

	done, failed int       // failed ≤ done
	shown        int       // done at the last update
	last         time.Time // of the last update; at first the time of the first Add
	finished     bool
	err          error // the first of the writer
}

// NewProgress returns a progress that writes to w. Nothing is written before the first update is due.
func NewProgress(w io.Writer, options ProgressOptions) *Progress {
	p := &Progress{options: options, view: lines{w: w}}
	if options.Terminal {
		p.view = newBar(w)
	}
	if p.options.Every <= 0 {
		p.options.Every = DefaultLineEvery
		if options.Terminal {
			p.options.Every = DefaultBarEvery
		}
	}
	return p
}

// Add counts files that were done since the last call, failed being those of them that failed, and shows
// the new state if an update is due at the time now. It is cheap when none is: some nanoseconds.
func (p *Progress) Add(now time.Time, done, failed int) {
	if p.finished {
		return
	}
	if p.last.IsZero() {
		p.last = now
	}
	p.done += done
	p.failed += failed
	if !p.due(now) {
		return
	}
	p.last = now
	p.shown = p.done
	p.note(p.view.update(p.snapshot()))
}

func (p *Progress) due(now time.Time) bool {
	return p.done > p.shown && now.Sub(p.last) >= p.options.Every && p.done-p.shown >= p.options.EveryFiles
}

// Finish shows the last state, whether an update is due or not, and ends the line. It returns the first
// error of the writer, if there was one. From then on Add does nothing; finishing twice is harmless.
func (p *Progress) Finish() error {
	if !p.finished {
		p.finished = true
		p.note(p.view.finish(p.snapshot()))
	}
	return p.err
}

func (p *Progress) snapshot() snapshot {
	s := snapshot{done: p.done, failed: p.failed}
	if p.options.Total != nil {
		if total := p.options.Total(); total > 0 {
			s.total = max(total, p.done)
		}
	}
	return s
}

// note keeps the first error: progress that cannot be shown is no reason to stop the work.
func (p *Progress) note(err error) {
	if p.err == nil && err != nil {
		p.err = fmt.Errorf("progress: %w", err)
	}
}
