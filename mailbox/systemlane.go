package mailbox

import "github.com/asynkron/protoactor-go/actor"

// systemLane holds the system messages that wait for a plain protoactor actor, first in, first out. Nobody may refuse
// one. Guarded by Adapter.mu.
//
// Its bound is not a number but who there is to send: what only repeats an order that is pending is left out. That
// makes it one Stop and one Restart; one Watch or Unwatch for each process that watches, the last of its word; one of
// SuspendMailbox and ResumeMailbox, the last; one Started. Of the others there is one Terminated for each process the
// actor watches or has spawned, one Failure for each child until it is decided on, because a child is suspended
// meanwhile, and one continuation for each future the actor has asked to be told of. So it is as long as the actor
// has relations, however often they repeat themselves.
type systemLane struct {
	// started goes before all others, also those that came between the actor's registration and its start; or nil.
	started any
	queue   list[systemMessage]
	// stop and restart are what waits of them, or nil.
	stop, restart *systemMessage
	// stopping says that a Stop has come. After that a Restart is left out: protoactor would forget that the actor is to
	// stop, or bring one back to life that has stopped.
	stopping bool
	// watches are the Watch and Unwatch messages that wait, by watcher. Made when first needed.
	watches map[watcher]*systemMessage
	// resumption is the last SuspendMailbox or ResumeMailbox, or nil. It goes after all others, which it does not
	// concern: it is about the user messages behind them.
	resumption any
}

type systemMessage struct {
	place   element[systemMessage]
	message any
}

// watcher is a PID by value.
type watcher struct {
	address, id string
	request     uint32
}

// push adds a message, unless one that waits says the same.
func (l *systemLane) push(message any) {
	switch m := message.(type) {
	case *actor.SuspendMailbox, *actor.ResumeMailbox:
		l.resumption = m
	case *actor.Started:
		l.started = message
	case *actor.Stop:
		l.stopping = true
		l.once(&l.stop, m)
	case *actor.Restart:
		if !l.stopping {
			l.once(&l.restart, m)
		}
	case *actor.Watch:
		l.watch(m.GetWatcher(), m)
	case *actor.Unwatch:
		l.watch(m.GetWatcher(), m)
	default:
		l.append(message)
	}
}

func (l *systemLane) append(message any) *systemMessage {
	s := &systemMessage{message: message}
	l.queue.push(&s.place, s)

	return s
}

func (l *systemLane) once(pending **systemMessage, message any) {
	if *pending == nil {
		*pending = l.append(message)
	}
}

// watch adds a Watch or Unwatch. It takes the place of an earlier one of that watcher, so that one that came before a
// Stop is still heard before it.
func (l *systemLane) watch(who *actor.PID, message any) {
	key := watcher{who.GetAddress(), who.GetId(), who.GetRequestId()}

	if s := l.watches[key]; s != nil {
		s.message = message

		return
	}

	if l.watches == nil {
		l.watches = make(map[watcher]*systemMessage)
	}

	l.watches[key] = l.append(message)
}

// pop takes the next message, or returns false if there is none.
func (l *systemLane) pop() (message any, ok bool) {
	if l.started != nil {
		message, l.started = l.started, nil

		return message, true
	}

	if l.queue.first == nil {
		message, l.resumption = l.resumption, nil

		return message, message != nil
	}

	s := l.queue.first.of
	l.queue.remove(&s.place)

	switch m := s.message.(type) {
	case *actor.Stop:
		l.stop = nil
	case *actor.Restart:
		l.restart = nil
	case *actor.Watch:
		l.forget(m.GetWatcher())
	case *actor.Unwatch:
		l.forget(m.GetWatcher())
	}

	return s.message, true
}

func (l *systemLane) forget(who *actor.PID) {
	delete(l.watches, watcher{who.GetAddress(), who.GetId(), who.GetRequestId()})
}
