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

	for len(r.host.Children(pool)) < size {
		n, err := r.spawn(ctx, pool, "", mount)
		if err != nil {
			return err
		}

		r.fronts[pool].Admit(n)
	}

	members := r.host.Children(pool)

	var gone []<-chan struct{}

	for _, n := range members[min(size, len(members)):] {
		r.fronts[pool].Dismiss(n)

		if going := r.host.Stop(n.Path(), node.Poison); going != nil {
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
