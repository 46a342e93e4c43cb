package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"golang.org/x/term"

	"github.com/troupe-go/troupe/examples/indexer/console"
	actorindex "github.com/troupe-go/troupe/examples/indexer/index"
	"github.com/troupe-go/troupe/examples/indexer/symbols"
	"github.com/troupe-go/troupe/system"
)

// watch shows how far the parsers are until the system has stopped. Synced is how many of the messages they have
// handled were no files.
func watch(sys *system.System, x *actorindex.Indexer, synced func() int64, w io.Writer) {
	parser := make(map[string]bool, len(x.Parsers))
	for _, p := range x.Parsers {
		parser[p.From(sys.Intake()).Path()] = true
	}

	var accepted, done, failed int

	look := func() (newDone, newFailed int) {
		a, d, f := 0, 0, 0

		for _, s := range sys.Stats() {
			if parser[s.Path] {
				a += int(s.Accepted)                                      //nolint:gosec // a number of files
				d += int(s.Processed + s.Failed + s.DeadLettered.Total()) //nolint:gosec // a number of files
				f += int(s.Failed)                                        //nolint:gosec // a number of files
			}
		}

		other := int(synced())
		a, d = a-other, max(d-other, done) // an answer is here a moment before its question is counted as handled
		newDone, newFailed = d-done, f-failed
		accepted, done, failed = a, d, f

		return newDone, newFailed
	}

	progress := console.NewProgress(w, console.ProgressOptions{
		Terminal: isTerminal(w), Total: func() int { return accepted },
	})
	ticker := time.NewTicker(console.DefaultBarEvery)

	defer ticker.Stop()

	for {
		select {
		case now := <-ticker.C:
			newDone, newFailed := look()
			progress.Add(now, newDone, newFailed)
		case <-sys.Done():
			newDone, newFailed := look()
			progress.Add(time.Now(), newDone, newFailed)
			_ = progress.Finish() // a broken stderr is not worth stopping for

			return
		}
	}
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)

	return ok && term.IsTerminal(int(f.Fd()))
}

// quiet logs failures where there is no progress bar to spoil.
func quiet(w io.Writer) *slog.Logger {
	if isTerminal(w) {
		return slog.New(slog.DiscardHandler)
	}

	return slog.New(slog.NewTextHandler(w, nil))
}

// shown is how many symbols of a name are printed.
const shown = 10

func show(w io.Writer, name string, found []symbols.Symbol) {
	fmt.Fprintf(w, "%s: %d found\n", name, len(found))

	for i, s := range found {
		if i == shown {
			fmt.Fprintf(w, "  and %d more\n", len(found)-shown)

			return
		}

		fmt.Fprintf(w, "  %v\n", s)
	}
}
