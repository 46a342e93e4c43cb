package mailbox_test

import (
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/mailbox"
)

// batch is a MessageBatch.
type batch []any

func (b batch) GetMessages() []any { return b }

// answering is a batch that protoactor answers, like that of its publish-subscribe.
type answering struct{ batch }

func (answering) GetAutoResponse(actor.Context) any { return "done" }

// torn is a batch that cannot be read.
type torn struct{}

func (torn) GetMessages() []any { panic("torn") }

// selfish is a batch that cannot be read, nor can what it panics with be printed.
type selfish struct{}

func (s selfish) GetMessages() []any { panic(s) }
func (s selfish) String() string     { panic(s) }

func TestABatchIsUnpackedInOrderAndNotDeliveredItself(t *testing.T) {
	me, other := actor.NewPID("nonhost", "me"), actor.NewPID("nonhost", "other")
	mine := func(m any) *actor.MessageEnvelope {
		return &actor.MessageEnvelope{Header: map[string]string{"key": "value"}, Message: m, Sender: me}
	}
	foreign := &actor.MessageEnvelope{Message: 2, Sender: other}

	for name, c := range map[string]struct {
		posted any
		want   []any
	}{
		"alone":              {batch{1, foreign, 3}, []any{1, foreign, 3}},
		"in an envelope":     {mine(batch{1, foreign, 3}), []any{mine(1), foreign, mine(3)}},
		"a batch in a batch": {mine(batch{1, batch{2, 3}, 4}), []any{mine(1), mine(2), mine(3), mine(4)}},
		"empty":              {batch{}, nil},
		"with nothing in it": {batch{nil}, []any{nil}},
		"one that is answered comes behind its messages": {
			mine(answering{batch{1, 2}}), []any{mine(1), mine(2), mine(answering{batch{1, 2}})},
		},
		"with a pill": {mine(batch{1, &actor.PoisonPill{}, 2}), []any{mine(1), mine(&actor.PoisonPill{})}},
	} {
		t.Run(name, func(t *testing.T) {
			s, box := newScribe(t, produce(t, mailbox.Options{Capacity: 10}))

			post(box, c.posted)
			s.play()
			assert.Equal(t, c.want, append([]any(nil), s.read()...))
		})
	}
}

func TestEachMessageOfABatchHasAHeaderOfItsOwn(t *testing.T) {
	s, box := newScribe(t, produce(t, mailbox.Options{Capacity: 10}))

	post(box, &actor.MessageEnvelope{Header: map[string]string{"key": "value"}, Message: batch{1, 2}})
	s.play()

	read := s.read()
	first, ok := read[0].(*actor.MessageEnvelope)
	require.True(t, ok)
	first.SetHeader("key", "changed")
	assert.Equal(t, "value", actor.UnwrapEnvelopeHeader(read[1]).Get("key"))
}

func TestABatchThatDoesNotFitIsAcceptedAsFarAsThereIsRoom(t *testing.T) {
	told, observer := watchLetters()
	s, box := newScribe(t, produce(t, mailbox.Options{Capacity: 2}, observer))

	post(box, batch{1, 2, 3, 4})
	s.play()
	assert.Equal(t, []any{1, 2}, s.read())
	assert.Equal(t, []string{"3 full", "4 full"}, told.read())
}

func TestABatchThatPanicsIsADeadLetter(t *testing.T) {
	told, observer := watchLetters()
	s, box := newScribe(t, produce(t, mailbox.Options{Capacity: 2}, observer))

	post(box, torn{})
	s.play()
	assert.Empty(t, s.read())
	require.Equal(t, []string{"{} undecodable"}, told.read())
	require.EqualError(t, told.told[0].Cause, "GetMessages of mailbox_test.torn: panic: torn")

	post(box, selfish{})
	s.play()
	require.EqualError(t, told.told[1].Cause,
		"GetMessages of mailbox_test.selfish: panic: mailbox_test.selfish that cannot be printed: it panics")
}

func TestABatchIsAnsweredWhenItsMessagesAreHandled(t *testing.T) {
	p := newPlace()
	s := &scribe{}
	pid := p.spawn(produce(t, mailbox.Options{Capacity: 10}), func(ctx actor.Context) {
		if n, ok := ctx.Message().(int); ok {
			s.note(n)
		}
	})

	answer, err := p.Root.RequestFuture(pid, answering{batch{1, 2}}, time.Hour).Result()
	require.NoError(t, err)
	assert.Equal(t, "done", answer)
	assert.Equal(t, []any{1, 2}, s.read())
}
