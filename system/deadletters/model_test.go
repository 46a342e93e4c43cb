package deadletters_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/types/known/wrapperspb"
	"pgregory.net/rapid"

	"github.com/troupe-go/troupe/system"
	"github.com/troupe-go/troupe/system/deadletters"
)

// TestAStoreIsAsASimpleOne compares the file, closed and opened now and then, with a slice.
func TestAStoreIsAsASimpleOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp("", "letters") //nolint:usetesting // one for each history, of which there are many
		require.NoError(t, err)

		defer func() { _ = os.RemoveAll(dir) }()

		options := deadletters.Options{Types: types, MaxLetters: rapid.IntRange(1, 10).Draw(t, "most")}
		path := filepath.Join(dir, "letters.db")
		s, err := deadletters.Open(path, options)
		require.NoError(t, err)

		defer func() { _ = s.Close() }()

		var (
			held []uint64
			want deadletters.Stats
			next = uint64(1)
		)

		take := func(number uint64, count *uint64) {
			if at := slices.Index(held, number); at >= 0 {
				held = slices.Delete(held, at, at+1)
				*count++
			}
		}

		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			switch rapid.IntRange(0, 4).Draw(t, "step") {
			case 0, 1:
				var events []system.LetterEvent

				for range rapid.IntRange(1, 5).Draw(t, "events") {
					if rapid.Bool().Draw(t, "replayed") {
						n := rapid.Uint64Range(0, next).Draw(t, "number")
						events = append(events, system.LetterEvent{Letter: letter(n, nil), Replayed: true})
						take(n, &want.Replayed)

						continue
					}

					events = append(events, system.LetterEvent{Letter: letter(next, post{Cents: int(next)})})
					held = append(held, next)
					want.Stored++
					next++
				}

				require.NoError(t, s.Keep(events))

				for len(held) > options.MaxLetters {
					take(held[0], &want.Evicted)
				}
			case 2:
				n := rapid.Uint64Range(0, next).Draw(t, "number")
				assert.Equal(t, slices.Contains(held, n), s.RemoveOne(n) == nil)
				take(n, &want.Removed)
			case 3:
				require.NoError(t, s.Close())

				s, err = deadletters.Open(path, options)
				require.NoError(t, err)
			case 4:
				n := rapid.Uint64Range(0, next).Draw(t, "number")

				l, err := s.Letter(n)
				require.Equal(t, slices.Contains(held, n), err == nil)

				if err == nil {
					require.Equal(t, post{Cents: int(n)}, l.Message)
				}
			}

			var got []uint64

			for l, err := range s.All(system.Filter{}) {
				require.NoError(t, err)

				got = append(got, l.Number)
			}

			require.Equal(t, append([]uint64{}, held...), append([]uint64{}, got...))

			stats, err := s.Stats()
			require.NoError(t, err)

			want.Held = uint64(len(held))
			stats.Bytes, stats.Reasons = 0, nil
			require.Equal(t, want, stats)
			require.Equal(t, stats.Stored, stats.Held+stats.Replayed+stats.Removed+stats.Evicted)
		}
	})
}

// FuzzLetter decodes anything: it is an error, or a letter that comes back the same after it is encoded.
func FuzzLetter(f *testing.F) {
	for _, m := range []any{post{Account: "a"}, &post{}, wrapperspb.Int64(7), "opaque", nil} {
		text, err := deadletters.Encode(letter(1, m), types...)
		require.NoError(f, err)
		f.Add(text)
	}

	alien, err := deadletters.Alien("type.googleapis.com/unknown.Message", []byte{1, 2, 3})
	require.NoError(f, err)
	f.Add(alien)
	f.Add([]byte("no letter"))

	f.Fuzz(func(t *testing.T, text []byte) {
		l, err := deadletters.Decode(text, types...)
		if err != nil {
			return
		}

		again, err := deadletters.Encode(l, types...)
		require.NoError(t, err)

		back, err := deadletters.Decode(again, types...)
		require.NoError(t, err)
		assert.Equal(t, [2]int{l.Attempt, l.Replays}, [2]int{back.Attempt, back.Replays})
		assert.Equal(t, l.Origin, back.Origin)
		assert.Equal(t, l.Reason, back.Reason)
	})
}

func TestAnAlienProtobufMessageKeepsItsBytes(t *testing.T) {
	alien, err := deadletters.Alien("type.googleapis.com/unknown.Message", []byte{1, 2, 3})
	require.NoError(t, err)

	l, err := deadletters.Decode(alien)
	require.NoError(t, err)

	u, ok := l.Message.(*deadletters.Unknown)
	require.True(t, ok)
	assert.Equal(t, "type.googleapis.com/unknown.Message", u.Type)
	assert.Equal(t, []byte{1, 2, 3}, u.Data)
}
