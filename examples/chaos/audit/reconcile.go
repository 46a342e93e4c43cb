package audit

import (
	"maps"
	"slices"

	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/system"
)

// Reconcile compares, after the shutdown, what was seen with what the framework reports. All letters must have been
// told of.
func (a *Audit) Reconcile(r *system.Report) {
	a.mu.Lock()
	defer a.mu.Unlock()

	a.checkLost()

	reported := make(map[*Figures]*mailbox.Stats)

	for i := range r.Actors {
		row := &r.Actors[i]
		if row.Unaccounted != 0 || row.Queued != 0 || row.Stashed != 0 {
			a.violatef("M10", "%s reports %d messages unaccounted for, %d queued, %d stashed",
				row.Path, row.Unaccounted, row.Queued, row.Stashed)
		}

		f := a.account(row.Path)
		if reported[f] == nil {
			reported[f] = new(mailbox.Stats)
		}

		reported[f].Add(stats(row.Figures))
	}

	for _, path := range slices.Sorted(maps.Keys(a.figures)) {
		if s := reported[a.figures[path]]; s != nil {
			a.compare(path, a.figures[path], s)
		} else if a.figures[path].Accepted > 0 {
			a.violatef("L6", "%s accepted %d messages and is not reported", path, a.figures[path].Accepted)
		}
	}

	if r.Unaccounted != 0 || r.Total.Unaccounted != 0 {
		a.violatef("M10", "%d messages are unaccounted for", r.Unaccounted)
	}

	for _, reason := range mailbox.Reasons() {
		if seen, said := a.letters.Of(reason), r.DeadLetters[reason]; seen != said {
			a.violatef("D", "%d dead letters are reported as %v, %d came", said, reason, seen)
		}
	}

	for token, q := range a.asks {
		a.violatef("A3", "ask %d of %s has not returned", token, q.asker)
	}

	for path := range a.lives {
		a.violatef("L3", "an instance of %s was not closed", path)
	}
}

// stats are the figures of a report in the form in which they can be added up.
func stats(f system.Figures) *mailbox.Stats {
	s := &mailbox.Stats{Accepted: f.Accepted, Processed: f.Processed, Failed: f.Failed, Dropped: f.Dropped}
	for reason, n := range f.DeadLettered {
		s.DeadLettered[reason] = n
	}

	return s
}

// compare holds what an account's senders and receivers saw against the report. Called with mu held.
func (a *Audit) compare(path string, seen *Figures, said *mailbox.Stats) {
	accepted := seen.Accepted + seen.Own
	if said.Accepted < accepted || said.Accepted > accepted+seen.Unknown {
		a.violatef("M10", "%s reports %d messages accepted; senders were told of %d, %d were its own, %d are not known",
			path, said.Accepted, seen.Accepted, seen.Own, seen.Unknown)
	}

	letters := said.DeadLettered
	letters[mailbox.Failed] += said.Failed
	letters[mailbox.Dropped] += said.Dropped

	unknown := seen.Unknown
	for _, reason := range mailbox.Reasons() {
		got, want := letters.Of(reason), seen.Letters.Of(reason)

		if tooLate(reason) && got > want && got-want <= unknown {
			unknown -= got - want

			continue
		}

		if got != want {
			a.violatef("M10", "%s reports %d accepted messages as %v, %d came as dead letters", path, got, reason, want)
		}
	}

	if total := said.Processed + letters.Total(); total != said.Accepted {
		a.violatef("M10", "%s reports %d messages accepted and %d processed or lost", path, said.Accepted, total)
	}
}
