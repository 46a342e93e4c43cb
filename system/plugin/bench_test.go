package plugin_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/supervision"
	"github.com/troupe-go/troupe/system/plugin"
)

// question is what a plain actor is asked that does what the plugin does.
type question struct {
	msg   plugin.Message
	reply actors.Reply[plugin.Message]
}

// BenchmarkCall compares a call of a plugin in the process with asking a plain actor, and with asking one through
// another: that is one mailbox more.
func BenchmarkCall(b *testing.B) {
	echo := func(_ context.Context, m plugin.Message) (plugin.Message, error) { return m, nil }

	plain := supervision.Actor("plain", func(supervision.Deps) (actors.Func[question], error) {
		return func(_ *actors.Context[question], q question) error { return q.reply.Send(q.msg) }, nil
	}, supervision.Spec{})
	through := supervision.Actor("through", func(in supervision.Deps) (actors.Func[question], error) {
		to := plain.From(in)

		return func(ctx *actors.Context[question], q question) error {
			return actors.Forward(ctx, to, q.reply, func(r actors.Reply[plugin.Message]) question {
				return question{q.msg, r}
			})
		}, nil
	}, supervision.Spec{DependsOn: supervision.On(plain)})
	geo := slot(b, always(&fake{handle: echo}), plugin.Spec{Probe: time.Hour})
	sys := startTree(b, supervision.On(plain, through, geo.Tree()))

	defer func() {
		_, err := sys.Shutdown(context.WithoutCancel(b.Context()))
		require.NoError(b, err)
	}()

	m := line("a line")
	ask := func(ref actors.Ref[question]) func(context.Context) (plugin.Message, error) {
		return func(ctx context.Context) (plugin.Message, error) {
			return actors.Ask(ctx, ref, func(r actors.Reply[plugin.Message]) question { return question{m, r} })
		}
	}
	handle := geo.From(sys.Intake())

	for _, of := range []struct {
		name string
		call func(context.Context) (plugin.Message, error)
	}{
		{"plain", ask(plain.From(sys.Intake()))},
		{"hop", ask(through.From(sys.Intake()))},
		{"plugin", func(ctx context.Context) (plugin.Message, error) { return handle.Call(ctx, m) }},
	} {
		b.Run(of.name, func(b *testing.B) {
			b.ReportAllocs()

			for b.Loop() {
				got, err := of.call(b.Context())
				if err != nil || len(got.Payload) != len(m.Payload) {
					b.Fatal(got, err)
				}
			}
		})
	}
}
