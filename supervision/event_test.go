package supervision_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/troupe-go/troupe/supervision"
)

func TestEveryKindOfEventHasAName(t *testing.T) {
	names := make(map[string]bool)

	for _, k := range supervision.EventKinds() {
		names[k.String()] = true
	}

	assert.Len(t, names, int(supervision.DeadLettered))
	assert.NotContains(t, names, "")
	assert.Equal(t, "EventKind(0) EventKind(200) gave up",
		supervision.EventKind(0).String()+" "+supervision.EventKind(200).String()+" "+supervision.GaveUp.String())
}
