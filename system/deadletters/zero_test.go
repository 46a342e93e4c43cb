package deadletters_test

import (
	"testing"

	"github.com/troupe-go/troupe/internal/zerotest"
	"github.com/troupe-go/troupe/system/deadletters"
)

func TestZeroValuesHaveAnswers(t *testing.T) {
	none := deadletters.ErrNoFile

	zerotest.Methods(t, map[string]error{
		"Store.Count": none, "Store.Keep": none, "Store.Letter": none, "Store.Remove": none, "Store.Replay": none,
		"Store.ReplayOne": none, "Store.RemoveOne": none, "Store.Stats": none,
	}, new(deadletters.Store), (*deadletters.Store)(nil), new(deadletters.UnreadableError))
}
