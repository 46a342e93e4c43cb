package lifecycle

import (
	"github.com/troupe-go/troupe/internal/node"
	"github.com/troupe-go/troupe/supervision"
)

// report handles what an actor says of its current incarnation; earlier ones have no say.
func (m *Machine) report(n *entry, r node.Report) {
	switch {
	case r.Event == node.Returned:
		m.returned(n, r.Incarnation)
	case r.Event == node.Finished && n.state != Finishing: // it was not told to
	case r.Event == node.Finished:
		m.finished(n)
	case n.known && r.Incarnation == n.incarnation:
		m.current(n, r)
	}
}

func (m *Machine) current(n *entry, r node.Report) {
	switch r.Event {
	case node.Started:
		switch {
		case n.state != Starting: // said twice
		case r.Err == nil:
			m.actorStarted(n)
		default:
			m.lost(n)
			m.startFailed(n, r.Err, r.Directive)
		}
	case node.Resumed:
		m.ill(n).failure = &supervision.FailureError{Path: m.path(n), Err: r.Err}
		m.tell(n, supervision.Event{Kind: supervision.Resumed, Err: n.failure, Incarnation: n.incarnation})
	case node.Failing:
		m.hold(n, r.Bare)
		m.failing(n, r.Err, r.Directive)
	case node.Ended:
		m.hold(n, r.Bare)
		m.lost(n)
		m.ended(n, r.Err, r.Directive)
	case node.StopSelf:
		m.stopSelf(n)
	case node.Drained:
		m.drained(n, r.Err, r.Lost)
	case node.Flushed:
		m.flushed(n, r.Err)
	case node.Closed:
		m.lost(n)

		if n.state == Closing {
			m.closed(n, r.Err, r.Gone)
		} else {
			m.ended(n, r.Err, r.Directive)
		}
	case node.Finished, node.Returned: // not of an incarnation that is current
	}
}

// hold notes whether the failure that is reported is one that nothing else tells of, if there comes no restart.
func (m *Machine) hold(n *entry, bare bool) {
	if bare || n.was() != nil {
		m.ill(n).bare = bare && m.stopping()
	}
}

// lost notes that there is no incarnation any more.
func (m *Machine) lost(n *entry) {
	n.known, n.instance = false, false
	n.bits &^= isLetGo
	n.wake()
	m.stopTimer(n)
}
