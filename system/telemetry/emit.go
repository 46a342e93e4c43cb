package telemetry

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/troupe-go/troupe/system"
)

// scope is the name of the instrumentation.
const scope = "github.com/troupe-go/troupe/system/telemetry"

// Emit returns a function for system.Options.OnReport that records a report's figures as gauges of the provider.
// What the provider refuses, or that it is nil, goes to OpenTelemetry's error handler. The program still has to
// flush the provider before it exits.
func Emit(provider metric.MeterProvider) func(*system.Report) {
	return func(r *system.Report) {
		if err := Record(context.Background(), provider, r); err != nil {
			otel.Handle(err)
		}
	}
}

// errNil says what Record cannot do without.
var errNil = errors.New("telemetry: the context, the provider and the report must not be nil")

// Record records a report's figures as gauges of the provider. It returns, joined, the instruments that could not be
// made; or that an argument is nil.
func Record(ctx context.Context, provider metric.MeterProvider, r *system.Report) error {
	if ctx == nil || provider == nil || r == nil {
		return errNil
	}

	g := gauges{ctx: ctx, meter: provider.Meter(scope), system: attribute.String("system", r.System)}

	for _, p := range r.Phases {
		g.seconds("troupe.shutdown.phase.duration", time.Duration(p.Took), attribute.String("phase", p.Name))
	}

	var drained, dead, abandoned int64

	for _, a := range r.Actors {
		drained += int64(a.Drained) //nolint:gosec // a count of messages
		abandoned += int64(a.EverAbandoned)
	}

	for _, n := range r.Total.DeadLettered {
		dead += int64(n) //nolint:gosec // a count of messages
	}

	for _, o := range []struct {
		outcome string
		n       int64
	}{
		{"accepted", int64(r.Total.Accepted)},   //nolint:gosec // a count of messages
		{"processed", int64(r.Total.Processed)}, //nolint:gosec // a count of messages
		{"failed", int64(r.Total.Failed)},       //nolint:gosec // a count of messages
		{"dead-lettered", dead},
		{"dropped", int64(r.Total.Dropped)}, //nolint:gosec // a count of messages
		{"drained", drained},
	} {
		g.count("troupe.shutdown.messages", "{message}", o.n, attribute.String("outcome", o.outcome))
	}

	for reason, n := range r.DeadLetters {
		g.count("troupe.shutdown.dead_letters", "{message}", int64(n), //nolint:gosec // a count of messages
			attribute.String("reason", reason.String()))
	}

	tasks := make(map[string]int64)
	for i := range r.Tasks {
		tasks[r.Tasks[i].State]++
	}

	for state, n := range tasks {
		g.count("troupe.shutdown.tasks", "{task}", n, attribute.String("state", state))
	}

	g.count("troupe.shutdown.unpublished", "{message}", int64(r.Unpublished)) //nolint:gosec // a count of messages
	g.count("troupe.shutdown.restarts", "{restart}", int64(r.Restarts))
	g.count("troupe.shutdown.abandoned", "{actor}", abandoned)
	g.count("troupe.shutdown.unaccounted", "{message}", r.Unaccounted)

	return errors.Join(g.errs...)
}

// gauges records values that are known once.
type gauges struct {
	ctx    context.Context //nolint:containedctx // lives as long as the one call that made it
	meter  metric.Meter
	system attribute.KeyValue
	errs   []error
}

func (g *gauges) seconds(name string, value time.Duration, attrs ...attribute.KeyValue) {
	gauge, err := g.meter.Float64Gauge(name, metric.WithUnit("s"))
	if err != nil {
		g.errs = append(g.errs, err)

		return
	}

	gauge.Record(g.ctx, value.Seconds(), metric.WithAttributes(append(attrs, g.system)...))
}

func (g *gauges) count(name, unit string, value int64, attrs ...attribute.KeyValue) {
	gauge, err := g.meter.Int64Gauge(name, metric.WithUnit(unit))
	if err != nil {
		g.errs = append(g.errs, err)

		return
	}

	gauge.Record(g.ctx, value, metric.WithAttributes(append(attrs, g.system)...))
}
