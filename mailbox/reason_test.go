package mailbox_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/mailbox"
)

func TestReason(t *testing.T) {
	t.Run("every reason has a name of its own, and comes back from it", func(t *testing.T) {
		names := make(map[string]bool)

		for _, r := range mailbox.Reasons() {
			text, err := r.MarshalText()
			require.NoError(t, err)
			assert.Equal(t, r.String(), string(text))
			assert.NotContains(t, r.String(), "Reason(")
			assert.False(t, names[r.String()])
			names[r.String()] = true

			var back mailbox.Reason
			require.NoError(t, back.UnmarshalText(text))
			assert.Equal(t, r, back)
		}

		assert.Len(t, names, 11)
	})

	t.Run("what is not a reason is printed as a number and not accepted as text", func(t *testing.T) {
		assert.Equal(t, "Reason(0)", mailbox.Reason(0).String())
		assert.Equal(t, "Reason(200)", mailbox.Reason(200).String())

		for _, text := range []string{"", "Reason(0)", "Full", "no such reason"} {
			r := mailbox.Full
			require.EqualError(t, r.UnmarshalText([]byte(text)),
				`mailbox.Reason: "`+text+`" is not a dead-letter reason`)
			assert.Equal(t, mailbox.Full, r, "it stays as it was")
		}
	})

	t.Run("a map of reasons is readable as JSON and comes back", func(t *testing.T) {
		m := map[mailbox.Reason]uint64{mailbox.NoActor: 1, mailbox.Abandoned: 2}

		text, err := json.Marshal(m)
		require.NoError(t, err)
		assert.JSONEq(t, `{"no such actor": 1, "abandoned": 2}`, string(text))

		var back map[mailbox.Reason]uint64
		require.NoError(t, json.Unmarshal(text, &back))
		assert.Equal(t, m, back)
	})
}

func TestCounts(t *testing.T) {
	var c mailbox.Counts

	assert.Zero(t, c.Total())
	assert.Empty(t, c.Map())

	c[mailbox.Full], c[mailbox.Undecodable] = 3, 4
	assert.Equal(t, uint64(7), c.Total())
	assert.Equal(t, uint64(3), c.Of(mailbox.Full))
	assert.Zero(t, c.Of(mailbox.Stopped))
	assert.Zero(t, c.Of(mailbox.Reason(200)))
	assert.Equal(t, map[mailbox.Reason]uint64{mailbox.Full: 3, mailbox.Undecodable: 4}, c.Map())
}

func TestStatsUnaccounted(t *testing.T) {
	s := mailbox.Stats{Accepted: 10, Processed: 1, Failed: 2, Stashed: 1, Queued: 1, Handling: 1}
	s.DeadLettered[mailbox.Deadline] = 4
	s.Refused[mailbox.Full] = 100
	assert.Zero(t, s.Unaccounted())

	s.Accepted++
	assert.Equal(t, int64(1), s.Unaccounted(), "one was lost")

	s.Processed += 3
	assert.Equal(t, int64(-2), s.Unaccounted(), "two were counted twice")
}
