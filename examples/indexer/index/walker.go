package index

import (
	"context"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/examples/indexer/source"
)

// WalkerMsg is what the walker understands.
type WalkerMsg interface{ isWalker() }

// Walk makes the walker hand every file of the tree to the parsers, once. The reply comes when the last was accepted.
type Walk struct{ actors.Reply[Walked] }

// Walked is the outcome of a walk.
type Walked struct {
	// Files handed to the parsers.
	Files int
	// Unreadable directories that were left out.
	Unreadable []error
}

type walkEnded struct{ walked Walked }

func (Walk) isWalker()      {}
func (walkEnded) isWalker() {}

// walker walks on a goroutine of its own, so that it can still be talked to; at a stop that goroutine's context ends.
type walker struct {
	tree    *source.Tree
	parsers []actors.Ref[ParserMsg]
	waiting []actors.Reply[Walked] // bounded by the callers that wait
}

func (w *walker) Receive(ctx *actors.Context[WalkerMsg], m WalkerMsg) error {
	switch m := m.(type) {
	case Walk:
		w.waiting = append(w.waiting, m.Reply)

		if len(w.waiting) == 1 {
			return ctx.Go(func(work context.Context) error { return w.walk(work, ctx.Self()) })
		}
	case walkEnded:
		for _, r := range w.waiting {
			_ = r.Send(m.walked) // who has stopped waiting does not want to know
		}

		w.waiting = nil
	}

	return nil
}

// walk gives the files to the parsers in turn, or to whichever has room when the one whose turn it is has none.
func (w *walker) walk(ctx context.Context, self actors.Ref[WalkerMsg]) error {
	var walked Walked

	err := w.tree.Walk(ctx, source.Visitor{
		File: func(file string) error {
			walked.Files++

			return w.hand(ctx, walked.Files, ParseFile{File: file})
		},
		Unreadable: func(err *source.DirError) error {
			walked.Unreadable = append(walked.Unreadable, err)

			return nil
		},
	})
	if err != nil {
		return err
	}

	return self.Tell(ctx, walkEnded{walked})
}

func (w *walker) hand(ctx context.Context, n int, m ParseFile) error {
	for i := range w.parsers {
		if w.parsers[(n+i)%len(w.parsers)].TryTell(m) == nil {
			return nil
		}
	}

	return w.parsers[n%len(w.parsers)].Tell(ctx, m)
}
