package plugin_test

import (
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

	_, code, found := strings.Cut(string(page), "```go\n")
	require.True(t, found)

	code, _, _ = strings.Cut(code, "```")
	assert.LessOrEqual(t, strings.Count(code, "\n"), 30)

	for part := range strings.SplitSeq(code, "\n\n") {
		part = strings.TrimSpace(part)
		if part != "package main" && !strings.HasPrefix(part, "func main") {
			assert.Contains(t, string(example), part)
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
