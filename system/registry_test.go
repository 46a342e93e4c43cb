package system_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/supervision"
)

// Who ends in the last phase of a shutdown stays in protoactor's registry: what is sent to its PID then is refused as
// by any actor that has ended, and counted.
func TestWhatIsSentToAPIDWhenAllIsOverIsADeadLetterOfItsActor(t *testing.T) {
	a := declare(&probe{name: "a"}, supervision.Spec{})
	s := start(t, tree(a), silent())

	pid, ok := s.PID("/test/a")
	require.True(t, ok)

	_, err := s.Shutdown(t.Context())
	require.NoError(t, err)
	require.Empty(t, s.DeadLetters().Counts().Map())

	s.Protoactor().Root.Send(pid, job(func(*actors.Context[job]) error { return nil }))
	assert.Equal(t, map[mailbox.Reason]uint64{mailbox.Stopping: 1}, s.DeadLetters().Counts().Map())
}
