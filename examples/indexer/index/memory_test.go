package index_test

import (
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/examples/indexer/index"
	"github.com/troupe-go/troupe/examples/indexer/source"
	"github.com/troupe-go/troupe/examples/indexer/symbols"
	"github.com/troupe-go/troupe/mailbox"
)

// BenchmarkMemory reports the two figures that bound what indexing GOROOT holds: the index in memory, and all queues
// if they were full of the largest files.
func BenchmarkMemory(b *testing.B) {
	const (
		mebi       = 1 << 20
		symbolSize = 48 // of the struct: two strings, a line and a kind
	)

	tree, err := source.Open(filepath.Join(runtime.GOROOT(), "src")) //nolint:staticcheck // as built
	require.NoError(b, err)

	queued := 2*(index.ParserCapacity+mailbox.DefaultControl) + index.Shards*(index.ShardCapacity+mailbox.DefaultControl) +
		index.KeeperCapacity + mailbox.DefaultControl + mailbox.DefaultCapacity + mailbox.DefaultControl

	for b.Loop() {
		var (
			held   = make(map[string][]symbols.Symbol)
			sizes  []int
			before = heap()
		)

		require.NoError(b, tree.Walk(b.Context(), source.Visitor{File: func(file string) error {
			text, err := tree.Read(file)
			if err != nil {
				return err
			}

			found, _ := symbols.Parse(file, text) // those that do not parse have no symbols

			size := len(file)
			for _, s := range found {
				size += symbolSize + len(s.Name)
				held[s.Name] = append(held[s.Name], s)
			}

			sizes = append(sizes, size)

			return nil
		}}))

		b.ReportMetric(float64(heap()-before)/mebi, "index-MiB")
		runtime.KeepAlive(held)
		slices.Sort(sizes)

		full := 0
		for _, size := range sizes[max(0, len(sizes)-queued):] {
			full += size
		}

		b.ReportMetric(float64(queued), "queued-messages")
		b.ReportMetric(float64(full)/mebi, "queues-MiB")
	}

	require.NoError(b, tree.Close())
}

// heap returns what is live.
func heap() uint64 {
	runtime.GC()

	var m runtime.MemStats
	runtime.ReadMemStats(&m)

	return m.HeapAlloc
}
