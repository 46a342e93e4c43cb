package system_test

import (
	"log/slog"
	"os"
	"testing"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/supervision"
	"github.com/troupe-go/troupe/system"
)

// BenchmarkLetter is what a dead letter costs who sends it, here through protoactor to nobody: with nobody who archives
// letters, and with one who does nothing with them.
func BenchmarkLetter(b *testing.B) {
	for name, keep := range map[string]func([]system.LetterEvent) error{
		"office": nil, "archive": func([]system.LetterEvent) error { return nil },
	} {
		b.Run(name, func(b *testing.B) {
			a := declare(&probe{name: "a"}, supervision.Spec{})
			s, err := system.Start(b.Context(), tree(a), system.Options{
				Logger: slog.New(slog.DiscardHandler), Signals: []os.Signal{}, OnLetters: keep,
			})
			require.NoError(b, err)

			nobody := actor.NewPID("nonhost", "nobody")

			b.ReportAllocs()

			for b.Loop() {
				s.Protoactor().Root.Send(nobody, "hello")
			}

			_, err = s.Shutdown(b.Context())
			require.NoError(b, err)
			require.Equal(b, uint64(b.N), s.DeadLetters().Stats().Taken)
		})
	}
}
