package actors_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/supervision"
)

// What deadlock detection must not cost: sends that find room, and asks from outside any actor. An ask of an actor,
// which always waits, is what it does cost.
func BenchmarkWaits(b *testing.B) {
	roomy := supervision.Spec{Mailbox: &mailbox.Options{Capacity: 1 << 16}}

	b.Run("Tell that finds room", func(b *testing.B) {
		s := play(b, &part{name: "a", spec: roomy})
		ref, ctx := s.refs["a"], b.Context()

		b.ReportAllocs()

		for b.Loop() {
			if ref.Tell(ctx, nothing) != nil {
				b.Fatal("not accepted")
			}
		}
	})

	b.Run("Ask from outside", func(b *testing.B) {
		s := play(b, &part{name: "a"})
		b.ReportAllocs()

		for b.Loop() {
			require.NoError(b, asks(b.Context(), s.refs["a"]))
		}
	})

	b.Run("Ask of an actor", func(b *testing.B) {
		s := play(b, &part{name: "a"}, &part{name: "b"})
		b.ReportAllocs()
		perform(b, s.refs["b"], func(ctx *actors.Context[job]) error {
			for b.Loop() {
				if err := asks(ctx, s.refs["a"]); err != nil {
					return err
				}
			}

			return nil
		})
	})
}
