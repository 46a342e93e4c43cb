package system_test

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/supervision"
	"github.com/troupe-go/troupe/system"
)

func TestCloseOfAnIncarnationThatComesBackLateFindsItsContextEnded(t *testing.T) {
	virtual(t, func(t *testing.T) {
		release, closed := make(chan struct{}), 0
		a := declare(&probe{name: "a", closes: func(ctx context.Context) error {
			<-ctx.Done()

			closed++

			return nil
		}}, supervision.Spec{})
		s := start(t, tree(a), silent())
		tell(t, s, a, hangs(release))

		_, err := stop(t, s)
		require.ErrorContains(t, err, "/test/a: drain did not finish")

		close(release)
		synctest.Wait()
		assert.Equal(t, system.Stopped, health(t, s, "/test/a").State, "it has come back")
		assert.Equal(t, 1, closed)
	})
}
