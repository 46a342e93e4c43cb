package supervision

import (
	"runtime"
	"weak"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/asynkron/protoactor-go/ctxext"
)

// overseersID is where an actor's context keeps its [overseers]. Protoactor numbers extensions for the whole process.
var overseersID = ctxext.NextContextExtensionID() //nolint:gochecknoglobals // see above

// overseers is the state of one supervisor, by its strategy: an actor may hand on to several. It belongs to the turn.
type overseers map[*protoactor]*overseer

// ExtensionID implements [ctxext.ContextExtension].
func (overseers) ExtensionID() ctxext.ContextExtensionID { return overseersID }

// overseer returns the state of the supervisor of a failed actor.
func (p *protoactor) overseer(f *failure) *overseer {
	ctx, ok := f.supervisor.(actor.ExtensionContext)
	if !ok {
		return p.guardian(f.system)
	}

	var all overseers

	contain(func() { all, _ = ctx.Get(overseersID).(overseers) }) // protoactor panics if its table is shorter

	if all == nil {
		all = make(overseers)
		ctx.Set(all)
	}

	o := all[p]
	if o == nil {
		o = newOverseer(p.options.Budget)
		all[p] = o
	}

	return o
}

// guardian returns the state of the guardian in a system.
func (p *protoactor) guardian(system *actor.ActorSystem) *overseer {
	key := weak.Make(system)

	p.mu.Lock()
	defer p.mu.Unlock()

	o := p.guardians[key]
	if o == nil {
		if p.guardians == nil {
			p.guardians = make(map[weak.Pointer[actor.ActorSystem]]*overseer)
		}

		o = newOverseer(p.options.Budget)
		p.guardians[key] = o

		runtime.AddCleanup(system, p.release, key)
	}

	return o
}

// release forgets a system that is gone.
func (p *protoactor) release(key weak.Pointer[actor.ActorSystem]) {
	p.mu.Lock()
	defer p.mu.Unlock()

	delete(p.guardians, key)
}
