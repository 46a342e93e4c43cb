package actors

// IdleClock stops the clock of an actor's idle timeout. It returns what the clock does when the time is over, in its
// two steps: fire makes the message due, and tell tells the actor.
func IdleClock[M any](c *Context[M]) (fire, tell func()) {
	n := c.inc().noticed()

	n.mu.Lock()
	defer n.mu.Unlock()

	n.idle.clock.Stop()

	return func() {
		n.mu.Lock()
		defer n.mu.Unlock()

		n.idle.due()
	}, n.tell
}
