package telemetry_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.uber.org/goleak"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/supervision"
	"github.com/troupe-go/troupe/system"
	"github.com/troupe-go/troupe/system/telemetry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// run runs a tree with one actor that gets three messages and fails on one.
func run(options system.Options) error {
	receive := actors.Func[bool](func(_ *actors.Context[bool], well bool) error {
		if !well {
			return errors.New("told to fail")
		}

		return nil
	})
	a := supervision.Actor("a", func(supervision.Deps) (actors.Func[bool], error) { return receive, nil },
		supervision.Spec{Decide: func(error) supervision.Directive { return supervision.ResumeChild }})

	s, err := system.Start(context.Background(), supervision.Tree{
		Name: "demo", Budget: supervision.Budget{Restarts: 1, Within: time.Second}, Children: supervision.On(a),
	}, options)
	if err != nil {
		return err
	}

	for _, well := range []bool{true, false, true} {
		if err := a.From(s.Intake()).TryTell(well); err != nil {
			return err
		}
	}

	_, err = s.Shutdown(context.Background())

	return err
}

func TestTheFiguresOfAReportBecomeMetrics(t *testing.T) {
	reader := sdk.NewManualReader()
	provider := sdk.NewMeterProvider(sdk.WithReader(reader))

	require.NoError(t, run(system.Options{
		OnReport: telemetry.Emit(provider), Logger: slog.New(slog.DiscardHandler),
		Tasks: []*supervision.Task{{
			Name: "pool", Phase: supervision.PhaseClose, Run: func(context.Context) error { return nil },
		}},
	}))

	var collected metricdata.ResourceMetrics
	require.NoError(t, reader.Collect(t.Context(), &collected))
	require.Len(t, collected.ScopeMetrics, 1)

	values := make(map[string]int64)
	phases := make(map[string]bool)

	for _, m := range collected.ScopeMetrics[0].Metrics {
		switch data := m.Data.(type) {
		case metricdata.Gauge[int64]:
			for _, p := range data.DataPoints {
				key := []string{m.Name}

				for _, kv := range p.Attributes.ToSlice() {
					if kv.Key != "system" {
						key = append(key, kv.Value.AsString())
					} else {
						assert.Equal(t, "demo", kv.Value.AsString())
					}
				}

				values[strings.Join(key, " ")] = p.Value
			}
		case metricdata.Gauge[float64]:
			assert.Equal(t, "s", m.Unit)

			for _, p := range data.DataPoints {
				phase, _ := p.Attributes.Value("phase")
				phases[phase.AsString()] = p.Value >= 0
			}
		}
	}

	delete(values, "troupe.shutdown.messages drained") // as the moment of the stop will have it
	assert.Equal(t, map[string]int64{
		"troupe.shutdown.messages accepted":      3,
		"troupe.shutdown.messages processed":     2,
		"troupe.shutdown.messages failed":        1,
		"troupe.shutdown.messages dead-lettered": 0,
		"troupe.shutdown.messages dropped":       0,
		"troupe.shutdown.dead_letters failed":    1,
		"troupe.shutdown.tasks done":             1,
		"troupe.shutdown.unpublished":            0,
		"troupe.shutdown.restarts":               0,
		"troupe.shutdown.abandoned":              0,
		"troupe.shutdown.unaccounted":            0,
	}, values)
	assert.Equal(t, map[string]bool{"intake": true, "drain": true, "flush": true, "close": true}, phases)
}

func TestEveryFigureIsThatOfTheReport(t *testing.T) {
	reader := sdk.NewManualReader()
	report := &system.Report{
		System: "shop", Unaccounted: 1, Restarts: 2, Unpublished: 3,
		Phases: []system.PhaseReport{
			{Name: "drain", Began: system.Seconds(time.Second), Took: system.Seconds(3 * time.Second / 2)},
		},
		Actors: []system.ActorReport{{Drained: 4, EverAbandoned: 5}, {Drained: 6, EverAbandoned: 7}},
		Total: system.Figures{
			Accepted: 20, Processed: 21, Failed: 22, Dropped: 23,
			DeadLettered: map[mailbox.Reason]uint64{mailbox.Deadline: 24, mailbox.Stopped: 25},
		},
		DeadLetters: map[mailbox.Reason]uint64{mailbox.Failed: 30, mailbox.NoActor: 31},
		Tasks:       []system.TaskReport{{State: "done"}, {State: "failed"}, {State: "done"}},
	}

	require.NoError(t, telemetry.Record(t.Context(), sdk.NewMeterProvider(sdk.WithReader(reader)), report))

	var collected metricdata.ResourceMetrics
	require.NoError(t, reader.Collect(t.Context(), &collected))

	got := make(map[string]float64)

	for _, m := range collected.ScopeMetrics[0].Metrics {
		switch data := m.Data.(type) {
		case metricdata.Gauge[int64]:
			for _, p := range data.DataPoints {
				got[pointName(m.Name, p.Attributes)] = float64(p.Value)
			}
		case metricdata.Gauge[float64]:
			for _, p := range data.DataPoints {
				got[pointName(m.Name, p.Attributes)] = p.Value
			}
		}
	}

	assert.Equal(t, map[string]float64{
		"troupe.shutdown.phase.duration drain shop":       1.5,
		"troupe.shutdown.messages accepted shop":          20,
		"troupe.shutdown.messages processed shop":         21,
		"troupe.shutdown.messages failed shop":            22,
		"troupe.shutdown.messages dead-lettered shop":     24 + 25,
		"troupe.shutdown.messages dropped shop":           23,
		"troupe.shutdown.messages drained shop":           4 + 6,
		"troupe.shutdown.dead_letters failed shop":        30,
		"troupe.shutdown.dead_letters no such actor shop": 31,
		"troupe.shutdown.tasks done shop":                 2,
		"troupe.shutdown.tasks failed shop":               1,
		"troupe.shutdown.unpublished shop":                3,
		"troupe.shutdown.restarts shop":                   2,
		"troupe.shutdown.abandoned shop":                  5 + 7,
		"troupe.shutdown.unaccounted shop":                1,
	}, got)
}

// pointName returns the name of an instrument with the values of a point's attributes.
func pointName(name string, attrs attribute.Set) string {
	words := []string{name}
	for _, kv := range attrs.ToSlice() { // sorted by key
		words = append(words, kv.Value.AsString())
	}

	return strings.Join(words, " ")
}

func ExampleEmit() {
	reader := sdk.NewManualReader() // or a periodic one with an exporter
	provider := sdk.NewMeterProvider(sdk.WithReader(reader))

	err := run(system.Options{OnReport: telemetry.Emit(provider), Logger: slog.New(slog.NewTextHandler(os.Stderr, nil))})

	var collected metricdata.ResourceMetrics
	_ = reader.Collect(context.Background(), &collected)

	for _, m := range collected.ScopeMetrics[0].Metrics {
		if gauge, ok := m.Data.(metricdata.Gauge[int64]); ok && m.Name == "troupe.shutdown.unaccounted" {
			fmt.Println(m.Name, gauge.DataPoints[0].Value, err)
		}
	}
	// Output: troupe.shutdown.unaccounted 0 <nil>
}

func TestRecordNeedsAllItIsGiven(t *testing.T) {
	provider := sdk.NewMeterProvider()
	none := telemetry.Record(nil, provider, new(system.Report)) //nolint:staticcheck // on purpose

	for _, err := range []error{
		none, telemetry.Record(t.Context(), nil, new(system.Report)), telemetry.Record(t.Context(), provider, nil),
	} {
		require.EqualError(t, err, "telemetry: the context, the provider and the report must not be nil")
	}

	assert.NotPanics(t, func() { telemetry.Emit(nil)(new(system.Report)) })
}
