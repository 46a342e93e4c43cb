package store_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/examples/indexer/store"
	"github.com/troupe-go/troupe/examples/indexer/symbols"
)

func TestTheDecodersRefuseWhatIsCutOffOrTooLong(t *testing.T) {
	f := file("a.go", "A", "Client.Get", "é")
	tests := map[string]struct {
		whole  []byte
		empty  bool // the empty value means something
		decode func([]byte) error
	}{
		"record": {whole: store.EncodeRecord(7, f), decode: func(b []byte) error {
			_, _, err := store.DecodeRecord("a.go", b)
			return err
		}},
		"state": {
			whole: store.EncodeState(store.Index{Root: "/src", Files: 1, Symbols: 2}, true), empty: true,
			decode: func(b []byte) error {
				_, _, err := store.DecodeState(b)
				return err
			},
		},
		"stats": {
			whole: store.EncodeStats(store.Stats{Files: 300, Failed: 1, Symbols: 70000}), empty: true,
			decode: func(b []byte) error {
				_, err := store.DecodeStats(b)
				return err
			},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, tt.decode(tt.whole))
			for n := range tt.whole {
				if n == 0 && tt.empty {
					require.NoError(t, tt.decode(nil))
					continue
				}
				require.ErrorIs(t, tt.decode(tt.whole[:n]), store.ErrDamaged)
			}
			require.ErrorIs(t, tt.decode(append(bytes.Clone(tt.whole), 0)), store.ErrDamaged)
		})
	}
}

// FuzzRecord: whatever the bytes, the decoder returns an error or a file that encodes to the same file.
func FuzzRecord(f *testing.F) {
	f.Fuzz(func(t *testing.T, b []byte) {
		number, got, err := store.DecodeRecord("a.go", b)
		if err != nil {
			require.ErrorIs(t, err, store.ErrDamaged)
			return
		}
		again, same, err := store.DecodeRecord("a.go", store.EncodeRecord(number, got))
		require.NoError(t, err)
		assert.Equal(t, number, again)
		assert.Equal(t, got, same)
	})
}

// FuzzPlaces does the same for the values of names.
func FuzzPlaces(f *testing.F) {
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := store.DecodePlaces("A", "a.go", b)
		if err != nil {
			require.ErrorIs(t, err, store.ErrDamaged)
			return
		}
		same, err := store.DecodePlaces("A", "a.go", store.EncodePlaces(got))
		require.NoError(t, err)
		assert.Equal(t, got, same)
		for _, s := range got {
			assert.True(t, s.Kind.Valid())
			assert.GreaterOrEqual(t, s.Line, 0)
		}
	})
}

// FuzzState does the same for the two values of the bucket meta.
func FuzzState(f *testing.F) {
	f.Fuzz(func(t *testing.T, b []byte) {
		if index, complete, err := store.DecodeState(b); err == nil {
			again, same, err := store.DecodeState(store.EncodeState(index, complete))
			require.NoError(t, err)
			assert.Equal(t, index, again)
			assert.Equal(t, complete, same)
		} else {
			require.ErrorIs(t, err, store.ErrDamaged)
		}
		if stats, err := store.DecodeStats(b); err == nil {
			same, err := store.DecodeStats(store.EncodeStats(stats))
			require.NoError(t, err)
			assert.Equal(t, stats, same)
		} else {
			require.ErrorIs(t, err, store.ErrDamaged)
		}
	})
}

func TestPlacesKeepTheirOrder(t *testing.T) {
	want := []symbols.Symbol{
		{Name: "A", File: "a.go", Line: 900, Kind: symbols.KindVar},
		{Name: "A", File: "a.go", Line: 1, Kind: symbols.KindMethod},
	}
	got, err := store.DecodePlaces("A", "a.go", store.EncodePlaces(want))
	require.NoError(t, err)
	assert.Equal(t, want, got)
}
