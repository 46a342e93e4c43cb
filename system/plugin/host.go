package plugin

import (
	"context"
	"errors"
	"fmt"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/internal/chain"
	"github.com/troupe-go/troupe/supervision"
)

// MaxSlots is how many slots a [Host] can have.
const MaxSlots = 1024

// Host declares slots for plugins that are not known before: they are loaded under their names at run time.
//
//	/shop/plugins          the host
//	/shop/plugins/slot-1   a slot, as of New; a plugin gets one that is free
//	/shop/plugins/names    which plugin is where
type Host struct {
	slots []*Slot
	names *supervision.ActorChild[entry]
	tree  *supervision.Tree
}

// NewHost declares a host with so many slots, from 1 to [MaxSlots], all with the same spec. Everything wrong is
// reported at once.
func NewHost(name string, slots int, spec Spec) (*Host, error) {
	closing := spec.Stop
	spec = spec.withDefaults()

	err := spec.validate()
	if slots < 1 || slots > MaxSlots {
		err = errors.Join(err, fmt.Errorf("plugin.NewHost %q: %d slots, must be from 1 to %d", name, slots, MaxSlots))
	}

	if err != nil {
		return nil, err
	}

	h := &Host{tree: &supervision.Tree{
		Name: name, Restart: supervision.Temporary, // as a slot is
		Budget: supervision.Budget{Restarts: supervision.MaxRestarts, Within: patience(spec.Start)},
	}}

	var needs []supervision.Child

	for i := range slots {
		s := newSlot(fmt.Sprintf("slot-%d", i+1), Source{}, spec, closing)
		h.slots = append(h.slots, s)
		h.tree.Children = append(h.tree.Children, s.Tree())
		needs = append(needs, s.On()...)
	}

	h.names = supervision.Actor("names",
		func(in supervision.Deps) (*names, error) { return newNames(h.slots, in), nil },
		supervision.Spec{DependsOn: needs, Goroutines: 2 * MaxSlots})
	h.tree.Children = append(h.tree.Children, h.names)

	return h, nil
}

// Tree returns the subtree, to be placed among the children of a tree.
func (h *Host) Tree() *supervision.Tree { return h.tree }

// On returns what an actor that uses the plugins depends on.
func (h *Host) On() []supervision.Child {
	on := supervision.On(h.names)
	for _, s := range h.slots {
		on = append(on, s.On()...)
	}

	return on
}

// From returns the plugins that in grants, to an actor that has declared [Host.On], or to code outside the tree.
func (h *Host) From(in supervision.Deps) *Plugins {
	p := &Plugins{names: h.names.From(in)}
	for _, s := range h.slots {
		p.handles = append(p.handles, s.bare(in))
	}

	return p
}

// Plugins are those of a [Host]. It is safe for concurrent use.
type Plugins struct {
	names   actors.Ref[entry]
	handles []bare
}

// bare is a handle to a slot, whoever is in it.
type bare struct {
	slot *Slot
	desk actors.Ref[order]
	run  supervision.Group[call, *load]
}

func (s *Slot) bare(in supervision.Deps) bare { return bare{s, s.desk.From(in), s.run.From(in)} }

// of returns the handle to the plugin of a name in the slot.
func (b bare) of(name string) *Handle { return &Handle{bare: b, name: name} }

// NoSlotError says that all slots of a host are taken.
type NoSlotError struct {
	// Path of the host's names.
	Path string
	// Slots there are.
	Slots int
}

// Error names the host and the bound.
func (e *NoSlotError) Error() string {
	return fmt.Sprintf("%s: all %d slots are taken", e.Path, e.Slots)
}

// Load puts a plugin into a free slot, under its name, and returns its handle when it has started and is well. The
// error is that of [Handle.Load], and ErrLoaded if there is one of that name; or a [*NoSlotError].
func (p *Plugins) Load(ctx context.Context, name string, with Source) (*Handle, error) {
	if err := errors.Join(checkName(name), with.problem); err != nil {
		return nil, err
	}

	return p.ask(ctx, entry{name: name, do: loadIt, with: with})
}

// Unload takes a plugin out, as [Handle.Unload] does, and frees its slot.
func (p *Plugins) Unload(ctx context.Context, name string) error {
	_, err := p.ask(ctx, entry{name: name, do: unloadIt})

	return err
}

// Plugin returns the handle to the plugin of a name. The error is [ErrNotLoaded].
func (p *Plugins) Plugin(ctx context.Context, name string) (*Handle, error) {
	return p.ask(ctx, entry{name: name, do: findIt})
}

func (p *Plugins) ask(ctx context.Context, e entry) (*Handle, error) {
	at, err := actors.Ask(ctx, p.names, func(r actors.Reply[int]) entry {
		e.reply = r

		return e
	})
	if err != nil {
		return nil, err
	}

	return p.handles[at].of(e.name), nil
}

// entry is a message to the names of a host.
type entry struct {
	name  string
	do    deed
	with  Source
	reply actors.Reply[int] // the slot

	over *settled // what was begun is over
}

// deed is what is to be done about a name.
type deed uint8

const (
	findIt deed = iota + 1
	loadIt
	unloadIt
)

// settled is what has come of a deed.
type settled struct {
	slot int
	err  error
}

// names is the actor that knows which plugin is in which slot. It does not wait for plugins.
type names struct {
	slots []bare
	at    map[string]int // at most as many as there are slots
	taken []bool
	busy  map[string]bool
}

func newNames(slots []*Slot, in supervision.Deps) *names {
	n := &names{at: make(map[string]int), busy: make(map[string]bool), taken: make([]bool, len(slots))}
	for _, s := range slots {
		n.slots = append(n.slots, s.bare(in))
	}

	return n
}

// Receive handles one entry.
func (n *names) Receive(ctx *actors.Context[entry], e entry) error {
	if e.over != nil {
		return n.settle(e)
	}

	slot, found := n.at[e.name]
	path := ctx.Path()

	switch {
	case n.busy[e.name]:
		return e.reply.Fail(fmt.Errorf("%s: %q: %w", path, e.name, ErrBusy))
	case e.do == loadIt && found:
		return e.reply.Fail(fmt.Errorf("%s: %q: %w", path, e.name, ErrLoaded))
	case e.do != loadIt && !found:
		return e.reply.Fail(fmt.Errorf("%s: %q: %w", path, e.name, ErrNotLoaded))
	case e.do == findIt:
		return e.reply.Send(slot)
	case e.do == loadIt:
		if slot = n.free(); slot < 0 {
			return e.reply.Fail(&NoSlotError{path, len(n.slots)})
		}

		n.taken[slot], n.at[e.name] = true, slot
	}

	n.busy[e.name] = true
	of := n.slots[slot].of(e.name)

	return actors.Pipe(ctx, func(ctx context.Context) (struct{}, error) {
		if e.do == loadIt {
			return struct{}{}, of.Load(ctx, e.with)
		}

		return struct{}{}, of.Unload(ctx)
	}, func(_ struct{}, err error) entry {
		e.over = &settled{slot, err}

		return e
	})
}

// free returns a slot that is not taken, or -1.
func (n *names) free() int {
	for i, taken := range n.taken {
		if !taken {
			return i
		}
	}

	return -1
}

// settle notes what has come of a deed.
func (n *names) settle(e entry) error {
	delete(n.busy, e.name)

	err := e.over.err

	gone := err != nil // it was not loaded
	if e.do == unloadIt {
		gone = err == nil || chain.Is(err, ErrNotLoaded) // the time for the drain may have been over the last time
	}

	if gone {
		n.taken[e.over.slot] = false
		delete(n.at, e.name)
	}

	if err != nil {
		return e.reply.Fail(err)
	}

	return e.reply.Send(e.over.slot)
}
