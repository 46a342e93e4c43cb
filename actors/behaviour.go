package actors

// Become lets f handle the messages that follow instead of the actor's own Receive, until the next Become, an Unbecome
// or the end of the incarnation: a restarted actor begins with its own Receive. The hooks stay those of the actor.
// Errors are [ErrNilFunc], and [ErrNotRunning] if the incarnation is ending.
//
// There is no stack of behaviours as in Akka classic: a new one replaces the last, so nothing can grow, and what an
// actor goes back to is for it to say. A behaviour costs a message nothing.
func (c *Context[M]) Become(f Func[M]) error {
	if f == nil {
		return misuse(c.Path(), "Become", ErrNilFunc)
	}

	return c.become(f)
}

// Unbecome lets the actor's own Receive handle the messages that follow, after [Context.Become]. The error is
// [ErrNotRunning] if the incarnation is ending.
func (c *Context[M]) Unbecome() error { return c.become(nil) }

func (c *Context[M]) become(a Actor[M]) error {
	n, err := c.notices()
	if err != nil {
		return err
	}

	if a != nil {
		a = opened(a)
	}

	n.mu.Lock()
	n.receive = a
	n.mu.Unlock()
	n.tell() // it is the runner's to change what it calls: this may be another goroutine

	return nil
}
