package supervision

import (
	"context"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/internal/node"
	"github.com/troupe-go/troupe/mailbox"
)

// batch is a number of children that somebody adds to a group at a time: [Group.Start] one, [Group.StartAll] many.
type batch[M, Arg any] struct {
	node.Batch

	group *running[M, Arg]
	boxes *mailbox.Template[M]
	made  []actors.Factory[M] // of each of its children
	sent  bool                // and not awaited yet
}

// newBatch returns one with room for so many children.
func newBatch[M, Arg any](group *running[M, Arg], room int) (*batch[M, Arg], error) {
	boxes, err := group.decl.boxes()
	if err != nil {
		return nil, err // not of a tree that was compiled
	}

	b := &batch[M, Arg]{group: group, boxes: boxes, made: make([]actors.Factory[M], 0, room)}
	b.Batch = node.Batch{
		Group: group.id, Children: make([]node.Newcomer, 0, room), Mount: b.mount, Done: make(chan struct{}, 1),
	}

	return b, nil
}

// full reports whether there is room for no more.
func (b *batch[M, Arg]) full() bool { return len(b.made) == cap(b.made) }

// add takes a child in, to be sent with the others.
func (b *batch[M, Arg]) add(name string, arg Arg) error {
	if name != "" {
		problem := nameProblem(name)
		if name == "*" {
			problem = `"*" stands for those that have gone`
		}

		if problem != "" {
			return &SpecError{Path: b.group.path() + "/" + shown(name), Field: "Name", Problem: problem}
		}
	}

	b.Children = append(b.Children, node.Newcomer{Name: name})
	b.made = append(b.made, child[M, Arg]{arg, b.group}.factory())

	return nil
}

// mount makes child number i.
func (b *batch[M, Arg]) mount(i, id int, path string) (node.Node, error) {
	common := b.group.view.refs.members[b.Group]

	return actors.Mount(node.Place{ID: id, Path: path, Common: common}, b.boxes, b.made[i])
}

// send adds the children, unless the holder of the group may not send any more.
func (b *batch[M, Arg]) send(ctx context.Context) error {
	view := b.group.view
	if err := view.gateErr(b.group.path()); err != nil {
		return err
	}

	err := view.refs.send(ctx, &b.Batch)
	b.sent = err == nil

	return err
}

// await waits, if they have been sent, until all have started or failed, or ctx ends.
func (b *batch[M, Arg]) await(ctx context.Context) {
	if b.sent {
		b.group.view.refs.await(ctx, &b.Batch)
		b.sent = false
	}
}

// outcome returns child number i, or what went wrong with it.
func (b *batch[M, Arg]) outcome(i int) (actors.Ref[M], error) {
	if i == b.Added {
		return actors.Ref[M]{}, b.Err
	}

	n := &b.Children[i]
	if n.Err != nil {
		return actors.Ref[M]{}, n.Err
	}

	return actors.Resolve[M](n.Node, b.group.view.gate), nil
}

// clear makes room for others.
func (b *batch[M, Arg]) clear() {
	clear(b.Children)
	clear(b.made)
	b.Children, b.made, b.Added, b.Err = b.Children[:0], b.made[:0], 0, nil
}

// child is what the factory of one child holds on to. All children have one, so it is small; the argument does not come
// last, where one without a size would have some.
type child[M, Arg any] struct {
	arg Arg
	of  *running[M, Arg]
}

// factory returns that of the child.
func (c child[M, Arg]) factory() actors.Factory[M] {
	return func(path string, gate *node.Gate) (actors.Actor[M], error) {
		decl := c.of.decl
		in := c.of.view.refs.grant(path, gate, decl.decl.members.spec.DependsOn)
		a, err := decl.factory(in, c.arg)

		return granted[M](in, a, err)
	}
}

// send adds the children of a batch. With a context that has ended nothing is added.
func (r *references) send(ctx context.Context, b *node.Batch) error {
	if err := ctx.Err(); err != nil {
		return &FailureError{Path: r.path(b.Group), Err: err}
	}

	r.host.Spawn(b)

	return nil
}

// await waits until all that have been added have started or failed. If ctx ends first, those that have not are stopped
// again, and may still be going when it returns.
func (r *references) await(ctx context.Context, b *node.Batch) {
	select {
	case <-b.Done:
	case <-ctx.Done():
		r.host.Recall(b, ctx.Err())
		<-b.Done // has its value: all have been told
	}
}
