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

// watch shows how far the indexing is until the system has stopped.
func watch(sys *system.System, x *actorindex.Indexer, w io.Writer) {
	var total, done, failed int

	progress := console.NewProgress(w, console.ProgressOptions{
		Terminal: isTerminal(w), Total: func() int { return total },
	})
	look := func(now time.Time) {
		t, d, f := x.Progress()
		newDone, newFailed := d-done, f-failed
		total, done, failed = t, d, f

		progress.Add(now, newDone, newFailed)
	}
	ticker := time.NewTicker(console.DefaultBarEvery)

	defer ticker.Stop()

	for {
		select {
		case now := <-ticker.C:
			look(now)
		case <-sys.Done():
			look(time.Now())

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
