package plugin_test

import (
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestTheDocsShowTheExample holds that the plugin of the page is the one that runs as an example, and that the tests
// exist that it names.
func TestTheDocsShowTheExample(t *testing.T) {
	t.Parallel()

	page, err := os.ReadFile("../../docs/plugins.md")
	require.NoError(t, err)

	example, err := os.ReadFile("example_test.go")
	require.NoError(t, err)

	blocks := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(string(page), -1)
	require.Len(t, blocks, 2) // the plugin and a host

	assert.LessOrEqual(t, strings.Count(blocks[0][1], "\n"), 30)
	_, err = parser.ParseFile(token.NewFileSet(), "plugin.go", blocks[0][1], parser.AllErrors)
	require.NoError(t, err)

	for _, block := range blocks {
		for part := range strings.SplitSeq(block[1], "\n\n") {
			part = strings.TrimSpace(part)
			if part != "package main" && !strings.HasPrefix(part, "func main") && !strings.HasPrefix(part, "import") {
				assert.Contains(t, string(example), part)
			}
		}
	}

	matrix, err := os.ReadFile("matrix_test.go")
	require.NoError(t, err)

	life, err := os.ReadFile("life_test.go")
	require.NoError(t, err)

	inProcess, err := os.ReadFile("inprocess_test.go")
	require.NoError(t, err)

	named := regexp.MustCompile("`(Test\\w+)`").FindAllStringSubmatch(string(page), -1)
	require.Len(t, named, 4)

	for _, n := range named {
		assert.Contains(t, string(matrix)+string(life)+string(inProcess), "func "+n[1]+"(t ")
	}
}
