package index_test

import (
	"io/fs"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/examples/indexer/index"
	"github.com/troupe-go/troupe/examples/indexer/source"
	"github.com/troupe-go/troupe/examples/indexer/symbols"
)

// BenchmarkMemory reports what bounds the memory of indexing GOROOT with two parsers: how much all queues and all hands
// would hold if they were full of the largest files.
func BenchmarkMemory(b *testing.B) {
	const (
		mebi       = 1 << 20
		symbolSize = 48 // of the struct: two strings, a line and a kind
		workers    = 2

		// Read and not yet parsed: in the hands of read, in the queue of parse, and in the hands of its workers.
		texts = (2 + workers) * index.TextCapacity
		// Parsed and not yet written: in the hands of parse, in the queue of outcomes and twice in its hands, in the queue
		// of batches; and in a batch that fills, one that waits to be sent on, one in the queue of write and one in its hand.
		outcomes = workers*index.TextCapacity + 4*index.Capacity + 4*index.BatchSize
	)

	tree, err := source.Open(filepath.Join(runtime.GOROOT(), "src")) //nolint:staticcheck // as built
	require.NoError(b, err)

	for b.Loop() {
		var read, parsed []int // sizes

		require.NoError(b, fs.WalkDir(tree.FS(), ".", func(file string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() || path.Ext(file) != ".go" {
				return err
			}

			text, err := tree.Read(file)
			if err != nil {
				return err
			}

			found, _ := symbols.Parse(file, text) // those that do not parse have no symbols

			size := len(file)
			for _, s := range found {
				size += symbolSize + len(s.Name)
			}

			read, parsed = append(read, len(file)+len(text)), append(parsed, size)

			return nil
		}))

		b.ReportMetric(texts, "texts")
		b.ReportMetric(float64(largest(read, texts))/mebi, "texts-MiB")
		b.ReportMetric(outcomes, "outcomes")
		b.ReportMetric(float64(largest(parsed, outcomes))/mebi, "outcomes-MiB")
	}

	require.NoError(b, tree.Close())
}

// largest returns the sum of the n largest sizes.
func largest(sizes []int, n int) (sum int) {
	slices.Sort(sizes)

	for _, size := range sizes[max(0, len(sizes)-n):] {
		sum += size
	}

	return sum
}
