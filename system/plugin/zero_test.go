package plugin_test

import (
	"io"
	"testing"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/internal/zerotest"
	"github.com/troupe-go/troupe/system/plugin"
)

// Zero values are nobody's, and so is the nil that comes with an error: they have documented answers.
func TestZeroValuesHaveAnswers(t *testing.T) {
	zerotest.Methods(t, map[string]error{
		"Handle.Call":       actors.ErrNoRef,
		"Handle.Load":       actors.ErrNoRef,
		"Handle.Release":    actors.ErrNoRef,
		"Handle.Session":    actors.ErrNoRef,
		"Handle.Status":     actors.ErrNoRef,
		"Handle.Stream":     actors.ErrNoRef,
		"Handle.Unload":     actors.ErrNoRef,
		"Handle.Upgrade":    actors.ErrNoRef,
		"HostStream.Recv":   io.EOF,
		"HostStream.Send":   io.ErrClosedPipe,
		"Manifest.Validate": zerotest.ErrAny,
		"Plugins.Load":      zerotest.ErrAny,
		"Plugins.Plugin":    actors.ErrNoRef,
		"Plugins.Unload":    actors.ErrNoRef,
	},
		new(plugin.CallError),
		new(plugin.ChecksumError),
		new(plugin.DeadlineError),
		new(plugin.ExitError),
		new(plugin.Fault),
		new(plugin.Handle),
		new(plugin.Host),
		new(plugin.HostStream),
		new(plugin.InstanceError),
		new(plugin.InvalidError),
		new(plugin.Manifest),
		new(plugin.NoSlotError),
		new(plugin.PanicError),
		new(plugin.Plugins),
		new(plugin.QuarantinedError),
		new(plugin.Range),
		new(plugin.RefusedError),
		new(plugin.RemoteError),
		new(plugin.Session),
		new(plugin.SizeError),
		new(plugin.Slot),
		new(plugin.Stats),
	)
}
