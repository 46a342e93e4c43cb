package symbols_test

import (
	"go/scanner"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/examples/indexer/symbols"
)

func TestParse(t *testing.T) {
	const file = "net/http/client.go"
	tests := map[string]struct {
		src  string
		want []symbols.Symbol
	}{
		"an empty package has no symbols": {
			src: "package p\n",
		},
		"imports and blank names are left out": {
			src: "package p\nimport \"fmt\"\nvar _ = fmt.Sprint()\nfunc _() {}\ntype _ int\nconst _ = 1\nfunc (t T) _() {}\n",
		},
		"functions and init stand under their own name": {
			src: "package p\nfunc Get() {}\nfunc init() {}\nfunc init() {}\n",
			want: []symbols.Symbol{
				{Name: "Get", File: file, Line: 2, Kind: symbols.KindFunc},
				{Name: "init", File: file, Line: 3, Kind: symbols.KindFunc},
				{Name: "init", File: file, Line: 4, Kind: symbols.KindFunc},
			},
		},
		"methods carry their receiver without pointer, parentheses and type parameters": {
			src: "package p\nfunc (c Client) Get() {}\nfunc (c *Client) Put() {}\nfunc (*List[T]) Len() {}\n" +
				"func (m Map[K, V]) At() {}\nfunc ((*Odd)) Do() {}\n",
			want: []symbols.Symbol{
				{Name: "Client.Get", File: file, Line: 2, Kind: symbols.KindMethod},
				{Name: "Client.Put", File: file, Line: 3, Kind: symbols.KindMethod},
				{Name: "List.Len", File: file, Line: 4, Kind: symbols.KindMethod},
				{Name: "Map.At", File: file, Line: 5, Kind: symbols.KindMethod},
				{Name: "Odd.Do", File: file, Line: 6, Kind: symbols.KindMethod},
			},
		},
		"a method whose receiver has no name keeps its own": {
			src: "package p\nfunc (int.X) Do() {}\nfunc () Un() {}\n",
			want: []symbols.Symbol{
				{Name: "Do", File: file, Line: 2, Kind: symbols.KindMethod},
				{Name: "Un", File: file, Line: 3, Kind: symbols.KindMethod},
			},
		},
		"groups give one symbol a name": {
			src: "package p\nconst (\n\tA, B = 1, 2\n\tC = 3\n)\nvar x, y int\ntype (\n\tT int\n\tU = T\n)\n",
			want: []symbols.Symbol{
				{Name: "A", File: file, Line: 3, Kind: symbols.KindConst},
				{Name: "B", File: file, Line: 3, Kind: symbols.KindConst},
				{Name: "C", File: file, Line: 4, Kind: symbols.KindConst},
				{Name: "x", File: file, Line: 6, Kind: symbols.KindVar},
				{Name: "y", File: file, Line: 6, Kind: symbols.KindVar},
				{Name: "T", File: file, Line: 8, Kind: symbols.KindType},
				{Name: "U", File: file, Line: 9, Kind: symbols.KindType},
			},
		},
		"declarations inside functions do not count": {
			src:  "package p\nfunc F() { type T int; const c = 1; var v int; _ = v }\n",
			want: []symbols.Symbol{{Name: "F", File: file, Line: 2, Kind: symbols.KindFunc}},
		},
		"line directives are not followed": {
			src:  "package p\n//line other.y:900\nfunc F() {}\n",
			want: []symbols.Symbol{{Name: "F", File: file, Line: 3, Kind: symbols.KindFunc}},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := symbols.Parse(file, []byte(tt.src))
			require.NoError(t, err)
			assert.Equal(t, tt.want, got)
		})
	}
}

func TestParseDoesNotKeepTheSource(t *testing.T) {
	src := []byte("package p\nfunc Get() {}\n")
	got, err := symbols.Parse("a.go", src)
	require.NoError(t, err)
	for i := range src {
		src[i] = 'x'
	}
	assert.Equal(t, "Get", got[0].Name)
}

func TestParseErrorNamesTheFileTheRuleAndThePlace(t *testing.T) {
	got, err := symbols.Parse("testdata/bad.go", []byte("package p\nfunc Good() {}\nfunc {\n"))
	require.Error(t, err)
	assert.Nil(t, got)

	var parse *symbols.ParseError
	require.ErrorAs(t, err, &parse)
	assert.Equal(t, "testdata/bad.go", parse.File)
	var list scanner.ErrorList
	require.ErrorAs(t, err, &list)
	assert.NotEmpty(t, list)
	assert.True(t, strings.HasPrefix(err.Error(), `file "testdata/bad.go": must be Go source: 3:6: `), err.Error())
}

func TestDeepNestingIsAnErrorAndNotAStackOverflow(t *testing.T) {
	src := "package p\nvar x = " + strings.Repeat("(", 200_000)
	_, err := symbols.Parse("deep.go", []byte(src))
	var parse *symbols.ParseError
	require.ErrorAs(t, err, &parse)
}

func TestKind(t *testing.T) {
	words := map[symbols.Kind]string{
		symbols.KindUnset: "unset", symbols.KindFunc: "func", symbols.KindMethod: "method",
		symbols.KindType: "type", symbols.KindConst: "const", symbols.KindVar: "var", 9: "Kind(9)",
	}
	for kind, word := range words {
		assert.Equal(t, word, kind.String())
		assert.Equal(t, kind != symbols.KindUnset && kind != 9, kind.Valid(), word)
	}
}

func TestCompareOrdersByNameFileLineAndKind(t *testing.T) {
	sorted := []symbols.Symbol{
		{Name: "a", File: "a", Line: 1, Kind: symbols.KindFunc},
		{Name: "a", File: "a", Line: 1, Kind: symbols.KindVar},
		{Name: "a", File: "a", Line: 2, Kind: symbols.KindFunc},
		{Name: "a", File: "b", Line: 1, Kind: symbols.KindFunc},
		{Name: "b", File: "a", Line: 1, Kind: symbols.KindFunc},
	}
	got := slices.Clone(sorted)
	slices.Reverse(got)
	slices.SortFunc(got, symbols.Compare)
	assert.Equal(t, sorted, got)
	assert.Equal(t, "a:1 func a", got[0].String())
}
