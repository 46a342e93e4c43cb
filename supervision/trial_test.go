package supervision_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/supervision"
)

var errTrial = errors.New("refused")

func TestTrialsAreMadeInTheTreesOrderAndUndoneInReverse(t *testing.T) {
	var diary []string

	trial := func(err error) supervision.Trial {
		return func(_ context.Context, path string) (func(context.Context) error, error) {
			diary = append(diary, "try "+path)

			return func(ctx context.Context) error {
				diary = append(diary, "undo "+path)

				return ctx.Err()
			}, err
		}
	}
	subtree := func(name string, trial supervision.Trial, on ...supervision.Child) *supervision.Subtree {
		return supervision.NewSubtree(name, on, nil, trial)
	}

	first := subtree("first", trial(errTrial))
	inner := tree("inner", subtree("second", trial(nil)))
	inner.Children = append(inner.Children, inner) // whatever is wrong with the tree
	outside := tree("outside", subtree("left out", trial(errTrial)))
	outside.DependsOn = supervision.On(first)

	ctx, cancel := context.WithCancel(t.Context())
	panics := func(context.Context, string) (func(context.Context) error, error) {
		cancel()

		panic("boom")
	}

	err := supervision.Try(ctx, *tree("shop", nil, first, first, actor("actor"), subtree("nothing", nil), inner, outside,
		subtree("needs", trial(errTrial), first), subtree("panics", panics), subtree("late", trial(errTrial))))
	require.ErrorIs(t, err, errTrial)
	require.EqualError(t, err, "refused\n/shop/panics: trial: must not panic: boom", "undone although ctx has ended")
	assert.Equal(t, []string{
		"try /shop/first", "try /shop/inner/second", "undo /shop/inner/second", "undo /shop/first",
	}, diary)

	//nolint:staticcheck // on purpose
	require.EqualError(t, supervision.Try(nil, *tree("shop", first)), "/shop: Try: "+mailbox.ErrNilContext.Error())
}
