package mailbox_test

import (
	"testing"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/mailbox"
)

func TestProducerReportsWhatIsWrongAtOnce(t *testing.T) {
	const (
		block = "mailbox.Options.Overflow: block cannot be had with mailbox.Producer, " +
			"must be reject, drop newest or drop oldest: protoactor's senders never wait"
		pinned = "mailbox.Options.Dispatch: pinned cannot be had with mailbox.Producer, " +
			"must be unset or on demand: the actor's dispatcher (actor.WithDispatcher) starts turns"
	)

	for _, row := range []struct {
		name       string
		options    mailbox.Options
		middleware []actor.MailboxMiddleware
		want       string
	}{
		{"a capacity is enough", mailbox.Options{Capacity: 1}, nil, ""},
		{"every policy that does not wait will do", mailbox.Options{Capacity: 1, Overflow: mailbox.DropOldest}, nil, ""},
		{
			"what is said of control messages does not matter",
			mailbox.Options{Capacity: 1, Control: 3, ControlOverflow: mailbox.Block, Fairness: mailbox.Strict},
			nil, "",
		},
		{"on demand is what protoactor does", mailbox.Options{Capacity: 1, Dispatch: mailbox.OnDemand}, nil, ""},
		{"a sender cannot wait", mailbox.Options{Capacity: 1, Overflow: mailbox.Block}, nil, block},
		{"the defaults wait", mailbox.Defaults(), nil, block},
		{"the actor's dispatcher decides", mailbox.Options{Capacity: 1, Dispatch: mailbox.Pinned}, nil, pinned},
		{
			"everything at once",
			mailbox.Options{Overflow: mailbox.Block, Dispatch: mailbox.Pinned},
			[]actor.MailboxMiddleware{nil, mailbox.OnDeadLetter(nil)},
			"mailbox.Options.Capacity: 0 is out of range, must be from 1 to 1048576\n" + block + "\n" + pinned +
				"\nmailbox.Producer: middleware 0 is nil\nmailbox.OnDeadLetter: the function is nil",
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			p, err := mailbox.Producer(row.options, row.middleware...)

			if row.want == "" {
				require.NoError(t, err)

				first, second := p(), p()
				assert.NotSame(t, first, second, "each actor has its own")
			} else {
				require.EqualError(t, err, row.want)
				assert.Nil(t, p)
			}
		})
	}
}

func TestThroughputIsTheOptionsOrElseTheDispatchers(t *testing.T) {
	for name, row := range map[string]struct{ option, dispatcher, want int }{
		"the option wins":                       {7, 300, 7},
		"the dispatcher says if the option not": {0, 300, 300},
		"neither says":                          {0, 0, mailbox.DefaultThroughput},
		"the dispatcher says nonsense":          {0, -1, mailbox.DefaultThroughput},
		"the dispatcher exaggerates":            {0, 1 << 30, mailbox.MaxThroughput},
	} {
		t.Run(name, func(t *testing.T) {
			box := produce(t, mailbox.Options{Capacity: 1, Throughput: row.option})()
			box.RegisterHandlers(&scribe{}, actor.NewDefaultDispatcher(row.dispatcher))

			adapter, ok := box.(*mailbox.Adapter)
			require.True(t, ok)
			assert.Equal(t, row.want, adapter.Throughput())
		})
	}
}
