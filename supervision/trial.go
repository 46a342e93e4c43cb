package supervision

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/troupe-go/troupe/internal/chain"
	"github.com/troupe-go/troupe/mailbox"
)

// Trial opens what a subtree would open when it starts, without an actor: a start has failed, and what else could not
// have been opened is to be reported with the reason. It returns all that refuses, joined, and a function that closes
// again what has opened, or nil. What was asked in the start that has failed is not asked again. Trials return soon
// after their contexts have ended.
type Trial func(ctx context.Context, path string) (undo func(ctx context.Context) error, err error)

// Try makes the trials of the subtrees of a tree that is not going to start, one after the other, and undoes them in
// reverse. It passes over subtrees that depend on children outside, themselves or through what they are in: those are
// not there to be relied on. The error is what refuses, joined; of a nil context it is [mailbox.ErrNilContext]. It is
// for package system.
func Try(ctx context.Context, t Tree) error {
	if ctx == nil {
		return fmt.Errorf("/%s: Try: %w", t.Name, mailbox.ErrNilContext)
	}

	r := &trier{seen: make(map[Child]bool)}
	r.visit(ctx, &t, "")

	for _, undo := range slices.Backward(r.undo) {
		r.note(undo(context.WithoutCancel(ctx)))
	}

	return errors.Join(r.errs...)
}

// trier walks a tree that may have any fault.
type trier struct {
	seen map[Child]bool
	undo []func(ctx context.Context) error
	errs []error
}

func (r *trier) note(err error) {
	if err != nil {
		r.errs = append(r.errs, err)
	}
}

func (r *trier) visit(ctx context.Context, c Child, parent string) {
	d := declarationOf(c)
	if d == (declaration{}) || len(d.dependsOn()) > 0 || r.seen[c] || ctx.Err() != nil {
		return
	}

	r.seen[c] = true
	path := parent + "/" + d.name

	switch {
	case d.tree != nil:
		for _, child := range d.tree.Children {
			r.visit(ctx, child, path)
		}
	case d.subtree != nil && d.subtree.trial != nil:
		undo, err := guarded(ctx, d.subtree.trial, path)
		r.note(err)

		if undo != nil {
			r.undo = append(r.undo, undo)
		}
	}
}

// guarded makes a trial, and an error of its panic.
func guarded(ctx context.Context, t Trial, path string) (undo func(ctx context.Context) error, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &SpecError{Path: path, Field: "trial", Problem: "must not panic: " + chain.Print(v)}
		}
	}()

	return t(ctx, path)
}
