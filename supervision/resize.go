package supervision

import (
	"context"

	"github.com/troupe-go/troupe/internal/node"
)

// resizing is the turn to change the size of one pool: a lock that a context can give up waiting for.
type resizing chan struct{}

// resize brings a pool to a size. Members are numbered; the last one that is there is the first to go.
func (r *references) resize(
	ctx context.Context, pool, size int, mount func(id int, path string) (node.Node, error),
) error {
	made, _ := r.sizing.LoadOrStore(pool, make(resizing, 1))
	turn, _ := made.(resizing)

	select {
	case turn <- struct{}{}:
	case <-ctx.Done():
		return &FailureError{Path: r.path(pool), Err: ctx.Err()}
	}

	defer func() { <-turn }()

	members := r.host.Children(pool)

	for range max(size-len(members), 0) { // not until there are as many: those that end at once would be started for ever
		if _, err := r.spawn(ctx, pool, "", mount); err != nil {
			return err
		}
	}

	var gone []<-chan struct{}

	for _, n := range members[min(size, len(members)):] {
		going, err := r.host.Stop(n.Path(), node.Poison)
		if err != nil {
			return &FailureError{Path: r.path(pool), Err: err}
		}

		if going != nil {
			gone = append(gone, going)
		}
	}

	for _, going := range gone {
		select {
		case <-going:
		case <-ctx.Done():
			return &FailureError{Path: r.path(pool), Err: ctx.Err()}
		}
	}

	return nil
}
