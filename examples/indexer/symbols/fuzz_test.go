package symbols_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/examples/indexer/symbols"
)

// FuzzParse: whatever the source, Parse does not panic, and it returns either a *ParseError or symbols
// that have a name, a kind and a line of the source.
func FuzzParse(f *testing.F) {
	f.Fuzz(func(t *testing.T, src []byte) {
		got, err := symbols.Parse("fuzz.go", src)
		if err != nil {
			var parse *symbols.ParseError
			require.ErrorAs(t, err, &parse)
			assert.Empty(t, got)
			return
		}
		lines := strings.Count(string(src), "\n") + 1
		for _, s := range got {
			assert.NotEmpty(t, s.Name)
			assert.Equal(t, "fuzz.go", s.File)
			assert.True(t, s.Kind.Valid(), s.Kind)
			assert.Positive(t, s.Line)
			assert.LessOrEqual(t, s.Line, lines)
		}
	})
}
