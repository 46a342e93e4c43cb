package audit

import (
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

// Rest says what is not as it must be once nobody sends any more and the mailboxes are empty, or "": everything
// accepted was settled, only the current instances are there, nobody hangs, whoever watches was told. Letters is how
// many dead letters there are, alive who is there.
func (a *Audit) Rest(letters uint64, alive map[*actor.PID]bool) string {
	a.mu.Lock()
	defer a.mu.Unlock()

	if a.letters.Total() < letters {
		return "dead letters are on their way"
	}

	for path, lives := range a.lives {
		switch {
		case len(lives) > 1:
			return path + " has more than one instance"
		case lives[0].hanging > 0:
			return path + " hangs"
		}
	}

	for _, m := range a.open {
		if m.verdict != unsure || m.delivered > 0 {
			return "a message from " + m.stamp.From + " to " + m.stamp.To + " is not settled"
		}
	}

	return a.untold(alive)
}

// Ended says what has not ended yet after the shutdown, or "".
func (a *Audit) Ended(letters uint64) string {
	a.mu.Lock()
	defer a.mu.Unlock()

	if a.letters.Total() < letters {
		return "dead letters are on their way"
	}

	for path := range a.lives {
		return "an instance of " + path + " is not closed"
	}

	return ""
}

// Calm checks, at rest, that nothing was lost and nobody was told wrongly of an end. Alive are the identities of the
// actors that are there.
func (a *Audit) Calm(alive map[*actor.PID]bool) {
	a.mu.Lock()
	defer a.mu.Unlock()

	a.checkLost()
	a.checkTold(alive)
}

// checkLost is called at rest with mu held: what was accepted has been settled.
func (a *Audit) checkLost() {
	for id, m := range a.open {
		delete(a.open, id)

		if m.verdict == unsure && m.delivered == 0 {
			a.account(m.stamp.To).Refused++

			continue
		}

		a.violatef("M10", "message %d from %s to %s is lost: sent %v ago, delivered %d times, put aside %v",
			id, m.stamp.From, m.stamp.To, time.Since(m.at).Round(time.Millisecond), m.delivered, m.aside)
	}
}
