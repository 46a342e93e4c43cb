package mailbox

import (
	"errors"
	"log/slog"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/troupe-go/troupe/internal/chain"
)

// errExited is the failure of a plain protoactor actor that called runtime.Goexit.
var errExited = errors.New("runtime.Goexit called in an actor")

// invoke calls one of the invoker's functions with a message. If that panics or calls runtime.Goexit the actor has
// failed: then failed is called, if it is not nil, the failure is escalated, and the result is false.
func (a *Adapter) invoke(h *home, call func(any), m any, failed func()) (ok bool) {
	defer func() {
		if ok {
			return
		}

		reason := recover()
		if reason == nil {
			reason = errExited
		}

		if failed != nil {
			failed()
		}

		a.escalate(h, reason, m)
	}()

	call(m)

	return true
}

// escalate gives a failure to the actor's supervisor. One that panics cannot decide, so the actor, which is suspended
// by then, is stopped.
func (a *Adapter) escalate(h *home, reason, m any) {
	decided := false

	defer func() {
		if !decided {
			a.log("supervisor panicked, its child is stopped", recover())
			a.PostSystemMessage(&actor.Stop{})
		}
	}()

	h.invoker.EscalateFailure(reason, m)

	decided = true
}

// observe calls middleware or subscribers, whose panics are no failure of the actor.
func (a *Adapter) observe(call func()) {
	defer func() {
		if r := recover(); r != nil {
			a.log("middleware or subscriber of a mailbox panicked", r)
		}
	}()

	call()
}

// log logs what would otherwise go unseen.
func (a *Adapter) log(what string, reason any) {
	logger, self := slog.Default(), (*actor.PID)(nil)

	if h := a.at(); h != nil && h.system != nil {
		logger, self = h.system.Logger(), h.self
	}

	logger.Error(what, slog.Any("actor", self), slog.String("reason", chain.Print(reason)))
}
