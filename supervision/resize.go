package supervision

import (
	"context"
	"errors"

	"github.com/troupe-go/troupe/internal/node"
	"github.com/troupe-go/troupe/mailbox"
)

// resizing is the change of the size of one pool.
type resizing struct {
	turn chan struct{} // a lock that a context can give up waiting for
	// going is closed channel by channel when the members are gone that have been told to go. Guarded by turn.
	going []<-chan struct{}
}

// await waits for those that go. What a context leaves unfinished is for the next resize to wait for, which must not
// take them for members.
func (z *resizing) await(ctx context.Context, host node.Host, path string) error {
	for ; len(z.going) > 0; z.going = z.going[1:] {
		select {
		case <-z.going[0]:
		case <-ctx.Done():
			return &FailureError{Path: path, Err: ctx.Err()}
		case <-host.Overtaken(ctx):
			return &FailureError{Path: path, Err: mailbox.ErrStopping}
		}
	}

	return nil
}

// resize brings a pool to a size. Members are numbered; the last one that is there is the first to go.
func (r *references) resize(
	ctx context.Context, pool, size int, mount func(id int, path string) (node.Node, error),
) error {
	made, _ := r.sizing.LoadOrStore(pool, &resizing{turn: make(chan struct{}, 1)})
	z, _ := made.(*resizing)

	select {
	case z.turn <- struct{}{}:
	case <-ctx.Done():
		return &FailureError{Path: r.path(pool), Err: ctx.Err()}
	}

	defer func() { <-z.turn }()

	if err := z.await(ctx, r.host, r.path(pool)); err != nil {
		return err
	}

	members := r.host.Children(pool)

	for range max(size-len(members), 0) { // not until there are as many: those that end at once would be started for ever
		if err := z.admit(ctx, r, pool, mount); err != nil {
			return err
		}
	}

	for _, n := range members[min(size, len(members)):] {
		if err := z.dismiss(r.host, n, node.Poison); err != nil {
			return &FailureError{Path: r.path(pool), Err: err}
		}
	}

	return z.await(ctx, r.host, r.path(pool))
}

// admit starts a member. One that has not started when ctx ends may still be going.
func (z *resizing) admit(
	ctx context.Context, r *references, pool int, mount func(id int, path string) (node.Node, error),
) error {
	b := &node.Batch{
		Group: pool, Children: make([]node.Newcomer, 1), Done: make(chan struct{}, 1),
		Mount: func(_, id int, path string) (node.Node, error) { return mount(id, path) },
	}

	if err := r.send(ctx, b); err != nil {
		return err
	}

	r.await(ctx, b)

	n := b.Children[0]
	if n.Err != nil {
		_ = z.dismiss(r.host, n.Node, node.AtOnce) // at a shutdown it goes anyway
	}

	return errors.Join(n.Err, b.Err)
}

// dismiss tells a member to go.
func (z *resizing) dismiss(host node.Host, n node.Node, mode node.StopMode) error {
	gone, err := host.Stop(n.Path(), mode)
	if gone != nil {
		z.going = append(z.going, gone)
	}

	return err // the caller names the pool
}
