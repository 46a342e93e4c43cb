package mailbox

import "github.com/asynkron/protoactor-go/actor"

// run is one turn, on whatever goroutine the actor's dispatcher has chosen.
func (a *Adapter) run(l *Lease[any]) {
	h := a.at()
	ended := false

	defer func() {
		if !ended { // runtime.Goexit took this goroutine; what it kept from being looked at is looked at now
			a.box.Signal(look)
			l.Continue()
		}
	}()

	for again := true; again; {
		again = a.turn(h, l)
	}

	ended = true
}

// turn works until there is nothing to do. It reports whether there is something again.
func (a *Adapter) turn(h *home, l *Lease[any]) (again bool) {
	for {
		if l.Commands() != 0 {
			a.obey(h)
		}

		if a.suspended && !a.stopped {
			again, _ = l.Rest(true)

			return again
		}

		// With middleware to tell, or a pill behind the lane, the end of the lane is not the end of the turn.
		switch m, got := l.Next(len(a.middleware) == 0 && !a.poisoned); {
		case got == Message && !a.stopped:
			a.handle(h, l, m)
		case got == Message:
			cause := a.ended()
			l.DeadLetter(Stopped, cause)
			a.deadLetter(m, Stopped, cause)
		case got == Nothing && a.poisoned:
			a.swallow(h)
		case got == Nothing:
			for _, w := range a.middleware {
				a.observe(w.MailboxEmpty)
			}

			again, _ = l.Rest(false)

			return again
		case got == Rested, got == Void:
			return false
		}
	}
}

// obey works off the system lane, and looks whether the actor has stopped or a pill has come.
func (a *Adapter) obey(h *home) {
	for {
		if !a.stopped && h.gone() {
			a.stopped = true
			a.box.Close()
		}

		a.mu.Lock()

		m, ok := a.system.pop()
		if a.stopped {
			a.pill = nil // it has got its way
		}

		a.poisoned = a.pill != nil
		a.mu.Unlock()

		if !ok {
			return
		}

		if a.command(h, m) {
			a.received(m)
		}
	}
}

// command obeys a system message. It reports whether the message was handled.
func (a *Adapter) command(h *home, m any) bool {
	_, watch := m.(*actor.Watch)

	switch m.(type) {
	case *actor.SuspendMailbox:
		a.suspended = true
	case *actor.ResumeMailbox:
		a.suspended = false
	default:
		if a.stopped && !watch { // who watches is told that it has stopped; for any other order it is too late
			return false
		}

		return a.invoke(h, h.invoker.InvokeSystemMessage, m, nil)
	}

	return true
}

// handle hands the message in hand to the actor.
func (a *Adapter) handle(h *home, l *Lease[any], m any) {
	if a.invoke(h, h.invoker.InvokeUserMessage, m, func() { l.Fail(nil) }) {
		a.received(m)
	}
}

// swallow hands the pill to the actor, which asks protoactor to be stopped. If that fails it is stopped all the same.
func (a *Adapter) swallow(h *home) {
	a.mu.Lock()
	pill := a.pill
	a.pill = nil
	a.mu.Unlock()

	a.poisoned = false

	if a.invoke(h, h.invoker.InvokeUserMessage, pill, func() { a.PostSystemMessage(&actor.Stop{}) }) {
		a.received(pill)
	}
}

// received tells middleware that a message was handled.
func (a *Adapter) received(m any) {
	for _, w := range a.middleware {
		a.observe(func() { w.MessageReceived(m) })
	}
}

// posted tells middleware that a message has come.
func (a *Adapter) posted(m any) {
	for _, w := range a.middleware {
		a.observe(func() { w.MessagePosted(m) })
	}
}

// gone reports whether the actor has stopped: protoactor strikes it off the registry before it is told Stopped.
func (h *home) gone() bool {
	if h.process == nil {
		return false
	}

	process, _ := h.system.ProcessRegistry.GetLocal(h.self.GetId())

	return process != h.process
}
