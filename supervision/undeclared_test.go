package supervision_test

import (
	"errors"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/supervision"
	"github.com/troupe-go/troupe/system"
)

func start(t *testing.T, root *supervision.Tree) (*system.System, error) {
	t.Helper()

	return system.Start(t.Context(), *root, system.Options{Logger: slog.New(slog.DiscardHandler)})
}

func TestAReferenceNeedsADeclaredDependency(t *testing.T) {
	ledger, elsewhere := actor("ledger"), actor("elsewhere")

	t.Run("or the actor does not start", func(t *testing.T) {
		orders := supervision.Actor("orders", func(in supervision.Deps) (idle, error) {
			for range 2 { // each is reported once
				assert.Equal(t, actors.Ref[int]{}, ledger.From(in))
				assert.Equal(t, actors.Ref[int]{}, elsewhere.From(in))
			}

			return idle{}, nil
		}, supervision.Spec{})

		_, err := start(t, tree("shop", ledger, orders))

		var undeclared *supervision.UndeclaredError
		require.ErrorAs(t, err, &undeclared)
		assert.Equal(t, &supervision.UndeclaredError{Path: "/shop/orders", Dependency: "/shop/ledger"}, undeclared)
		assert.ErrorContains(t, err,
			"/shop/orders: asked for a reference to /shop/ledger, which its Spec.DependsOn does not declare\n"+
				"/shop/orders: asked for a reference to elsewhere, which its Spec.DependsOn does not declare")
	})

	t.Run("and of its own: one of its supervisor's is not enough", func(t *testing.T) {
		web := tree("web", supervision.Actor("orders", func(in supervision.Deps) (idle, error) {
			assert.Equal(t, actors.Ref[int]{}, ledger.From(in))

			return idle{}, nil
		}, supervision.Spec{}))
		web.DependsOn = supervision.On(ledger)

		_, err := start(t, tree("shop", ledger, web))

		var undeclared *supervision.UndeclaredError
		require.ErrorAs(t, err, &undeclared)
		assert.Equal(t, "/shop/web/orders", undeclared.Path)
	})

	t.Run("then it is granted", func(t *testing.T) {
		orders := supervision.Actor("orders", func(in supervision.Deps) (idle, error) {
			assert.Equal(t, "/shop/ledger", ledger.From(in).Path())

			return idle{}, nil
		}, supervision.Spec{DependsOn: supervision.On(ledger)})

		s, err := start(t, tree("shop", ledger, orders))
		require.NoError(t, err)

		_, err = s.Shutdown(t.Context())
		require.NoError(t, err)
	})

	t.Run("the outside may refer to everybody", func(t *testing.T) {
		s, err := start(t, tree("shop", ledger))
		require.NoError(t, err)

		assert.Equal(t, "/shop/ledger", ledger.From(s.Intake()).Path())
		assert.Equal(t, actors.Ref[int]{}, elsewhere.From(s.Intake()), "but not to who is not there")

		_, err = s.Shutdown(t.Context())
		require.NoError(t, err)
	})

	t.Run("nobody grants nothing", func(t *testing.T) {
		assert.Equal(t, actors.Ref[int]{}, ledger.From(supervision.Deps{}))
		assert.Equal(t, actors.Ref[int]{}, (*supervision.ActorChild[int])(nil).From(supervision.Deps{}))
	})
}

func TestTheErrorOfAFactoryIsTheActorsFailure(t *testing.T) {
	failure := errors.New("no such file")
	ledger := supervision.Actor("ledger", func(supervision.Deps) (idle, error) {
		return idle{}, failure
	}, supervision.Spec{})

	_, err := start(t, tree("shop", ledger))
	require.ErrorIs(t, err, failure)

	var failed *supervision.FailureError
	require.ErrorAs(t, err, &failed)
	assert.Equal(t, "/shop/ledger", failed.Path)
}
