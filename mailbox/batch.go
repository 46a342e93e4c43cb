package mailbox

import (
	"errors"
	"fmt"
	"maps"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/troupe-go/troupe/internal/chain"
)

// errNilEnvelope is the cause of the dead letter of a nil *actor.MessageEnvelope.
var errNilEnvelope = errors.New("the envelope is nil")

// unpack returns the messages of a batch, each in an envelope like the batch's own, which may be nil.
func unpack(batch actor.MessageBatch, envelope *actor.MessageEnvelope) (messages []any, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("GetMessages of %T: panic: %s", batch, chain.Print(r))
		}
	}()

	packed := batch.GetMessages()
	if envelope == nil {
		return packed, nil
	}

	messages = make([]any, len(packed))

	for i, m := range packed {
		messages[i] = m

		if _, ok := m.(*actor.MessageEnvelope); !ok {
			// Whoever gets the message may write to its header, so each has its own.
			messages[i] = &actor.MessageEnvelope{Header: maps.Clone(envelope.Header), Message: m, Sender: envelope.Sender}
		}
	}

	return messages, nil
}
