package system_test

import (
	"testing"

	"github.com/troupe-go/troupe/internal/zerotest"
	"github.com/troupe-go/troupe/system"
)

func TestZeroValuesHaveAnswers(t *testing.T) {
	zerotest.Methods(t, map[string]error{
		"System.Shutdown": system.ErrNoSystem, "System.StopNode": system.ErrNoSystem, "System.Wait": system.ErrNoSystem,
		"Report.WriteTo": zerotest.ErrAny, "Seconds.UnmarshalJSON": zerotest.ErrAny,
	},
		(*system.System)(nil), (*system.Report)(nil), (*system.NodeHealth)(nil),
		new(system.DependentsError), new(system.Events), new(system.Filter), new(system.NodeHealth), new(system.Office),
		new(system.Outcome), new(system.ReplayLimitError), new(system.Report), new(system.Seconds), new(system.State),
		new(system.StopError), new(system.Subscription[int]), new(system.System),
	)
}
