package mailbox_test

import (
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/mailbox"
)

// produce is Producer for options that are valid.
func produce(t testing.TB, o mailbox.Options, middleware ...actor.MailboxMiddleware) actor.MailboxProducer {
	t.Helper()

	p, err := mailbox.Producer(o, middleware...)
	require.NoError(t, err)

	return p
}

// figures returns the statistics of a mailbox of ours.
func figures(t testing.TB, box actor.Mailbox) mailbox.Stats {
	t.Helper()

	a, ok := box.(*mailbox.Adapter)
	require.True(t, ok)

	return a.Stats()
}

// place is a protoactor system whose dead letters are kept.
type place struct {
	*actor.ActorSystem

	mu      sync.Mutex
	letters []*actor.DeadLetterEvent
}

// quiet are the options of a protoactor system that logs nothing and leaves no goroutine behind for long.
var quiet = []actor.ConfigOption{
	actor.WithLoggerFactory(func(*actor.ActorSystem) *slog.Logger { return slog.New(slog.DiscardHandler) }),
	actor.WithDeadLetterThrottleInterval(time.Millisecond),
}

func newPlace() *place {
	p := &place{ActorSystem: actor.NewActorSystem(quiet...)}

	p.EventStream.Subscribe(func(e any) {
		if l, ok := e.(*actor.DeadLetterEvent); ok {
			p.mu.Lock()
			defer p.mu.Unlock()

			p.letters = append(p.letters, l)
		}
	})

	return p
}

// dead returns the messages that became dead letters, in order.
func (p *place) dead() (messages []any) {
	p.mu.Lock()
	defer p.mu.Unlock()

	for _, l := range p.letters {
		messages = append(messages, l.Message)
	}

	return messages
}

// spawn starts an actor with that mailbox, on a dispatcher that runs each turn before the send that began it returns.
func (p *place) spawn(
	produce actor.MailboxProducer, receive actor.ReceiveFunc, options ...actor.PropsOption,
) *actor.PID {
	options = append([]actor.PropsOption{
		actor.WithMailbox(produce), actor.WithDispatcher(actor.NewSynchronizedDispatcher(100)),
	}, options...)

	return p.Root.Spawn(actor.PropsFromFunc(receive, options...))
}

// process returns the process of an actor: a way to it that is not closed when the actor has stopped.
func (p *place) process(t testing.TB, pid *actor.PID) actor.Process {
	t.Helper()

	process, ok := p.ProcessRegistry.GetLocal(pid.GetId())
	require.True(t, ok)

	return process
}

// reasons is a middleware that keeps what OnDeadLetter tells.
type reasons struct {
	mu   sync.Mutex
	told []mailbox.DeadLetter
}

func watchLetters() (*reasons, actor.MailboxMiddleware) {
	r := &reasons{}

	return r, mailbox.OnDeadLetter(func(l mailbox.DeadLetter) {
		r.mu.Lock()
		defer r.mu.Unlock()

		r.told = append(r.told, l)
	})
}

// read returns the letters as "message reason".
func (r *reasons) read() (all []string) {
	r.mu.Lock()
	defer r.mu.Unlock()

	for _, l := range r.told {
		all = append(all, fmt.Sprint(l.Message, " ", l.Reason))
	}

	return all
}

// scribe is an invoker and a dispatcher that notes what it is given. Turns run when the test says so, on its goroutine.
type scribe struct {
	mu      sync.Mutex
	noted   []any
	turns   []func()
	handle  func(m any) // what a message does, before it is noted; may be nil
	failure func(reason, m any)
}

func (s *scribe) note(m any) {
	s.mu.Lock()
	defer s.mu.Unlock()

	s.noted = append(s.noted, m)
}

func (s *scribe) InvokeSystemMessage(m any) { s.InvokeUserMessage(m) }

func (s *scribe) InvokeUserMessage(m any) {
	if s.handle != nil {
		s.handle(m)
	}

	s.note(m)
}

func (s *scribe) EscalateFailure(reason, m any) {
	s.note(fmt.Sprintf("%v failed: %v", m, reason))

	if s.failure != nil {
		s.failure(reason, m)
	}
}

func (s *scribe) Throughput() int { return 300 }

func (s *scribe) Schedule(turn func()) {
	s.mu.Lock()
	defer s.mu.Unlock()

	s.turns = append(s.turns, turn)
}

// play runs the turns that were scheduled, and says how many.
func (s *scribe) play() (n int) {
	for ; ; n++ {
		s.mu.Lock()

		if len(s.turns) == 0 {
			s.mu.Unlock()

			return n
		}

		turn := s.turns[0]
		s.turns = s.turns[1:]
		s.mu.Unlock()
		turn()
	}
}

// read returns and forgets what was noted.
func (s *scribe) read() []any {
	s.mu.Lock()
	defer s.mu.Unlock()

	defer func() { s.noted = nil }()

	return slices.Clone(s.noted)
}

// newScribe makes a mailbox that is started, and whose messages a scribe gets.
func newScribe(t testing.TB, p actor.MailboxProducer) (*scribe, actor.Mailbox) {
	t.Helper()

	s := &scribe{}
	box := p()
	box.RegisterHandlers(s, s)
	box.PostSystemMessage(&actor.Started{})
	box.Start()
	s.play()
	require.Equal(t, []any{&actor.Started{}}, s.read())

	return s, box
}

func post(box actor.Mailbox, messages ...any) {
	for _, m := range messages {
		box.PostUserMessage(m)
	}
}
