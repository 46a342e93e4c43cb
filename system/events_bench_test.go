package system_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/supervision"
	"github.com/troupe-go/troupe/system"
)

// listeners are those that a system may have for its events.
func listeners() map[string]func() (*system.Events, func()) {
	with := func(o system.Options) func() (*system.Events, func()) {
		return func() (*system.Events, func()) { return system.NewEvents(o), func() {} }
	}
	discard := slog.New(slog.DiscardHandler)

	return map[string]func() (*system.Events, func()){
		"nobody":  with(system.Options{Logger: discard}),
		"log":     with(system.Options{Logger: slog.New(logger(func() {}))}),
		"OnEvent": with(system.Options{Logger: discard, OnEvent: func(supervision.Event) {}}),
		"subscriber": func() (*system.Events, func()) {
			e := system.NewEvents(system.Options{Logger: discard})
			sub := e.Subscribe(1000)
			done := make(chan struct{})

			go func() {
				defer close(done)

				_ = drainAll(sub)
			}()

			return e, func() { <-done }
		},
	}
}

// BenchmarkEvent is what an event costs those to whom it happens: here the start of an actor.
func BenchmarkEvent(b *testing.B) {
	for name, listen := range listeners() {
		b.Run(name, func(b *testing.B) {
			events, wait := listen()
			event := supervision.Event{Kind: supervision.Started, Path: "/test/a", Time: time.Now()}

			b.ReportAllocs()

			for b.Loop() {
				events.Put(event)
			}

			require.Empty(b, events.Close())
			wait()
			require.Positive(b, events.Count(supervision.Started))
		})
	}
}

func TestTakingAnEventAllocatesNothing(t *testing.T) {
	events := system.NewEvents(system.Options{Logger: slog.New(slog.DiscardHandler), Events: 10})
	sub := events.Subscribe(1000, supervision.Started)
	event := supervision.Event{Kind: supervision.Started, Path: "/test/a", Time: time.Now()}

	for range 10 { // what is kept grows once
		events.Put(event)
	}

	assert.Zero(t, testing.AllocsPerRun(1000, func() { events.Put(event) }))
	require.Empty(t, events.Close())
	assert.Equal(t, events.Count(supervision.Started), uint64(len(drainAll(sub)))+sub.Missed())
}
