package supervision_test

import (
	"testing"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/internal/zerotest"
	"github.com/troupe-go/troupe/supervision"
)

func TestZeroValuesHaveAnswers(t *testing.T) {
	zerotest.Methods(t, map[string]error{
		"Group.Start": actors.ErrNoRef, "Group.StartAll": actors.ErrNoRef, "Group.Stop": actors.ErrNoRef,
		"PoolChild.Resize": actors.ErrNoRef, "Plan.Mount": zerotest.ErrAny, "Mounted.Member": zerotest.ErrAny,
	},
		(*supervision.Plan)(nil), (*supervision.Mounted)(nil), (*supervision.ActorChild[int])(nil),
		(*supervision.GroupChild[int, int])(nil), (*supervision.PoolChild[int])(nil),
		new(supervision.ActorChild[int]), new(supervision.BudgetError), new(supervision.CycleError),
		new(supervision.DeadlineError), new(supervision.Delay), new(supervision.EventKind), new(supervision.FailureError),
		new(supervision.Group[int, int]), new(supervision.GroupChild[int, int]), new(supervision.GroupFullError),
		new(supervision.Mounted), new(supervision.NoChildError), new(supervision.Node), new(supervision.OnFailure),
		new(supervision.Phase), new(supervision.Plan), new(supervision.PoolChild[int]), new(supervision.Restart),
		new(supervision.SpecError), new(supervision.Strategy), new(supervision.UndeclaredError), new(supervision.Window),
	)
}
