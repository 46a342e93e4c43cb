package index

import (
	"slices"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/examples/indexer/symbols"
)

// ShardMsg is what a shard understands.
type ShardMsg interface{ isShard() }

// Add puts symbols into the shard.
type Add struct{ Symbols []symbols.Symbol }

// Find asks for the symbols of a name, in the order of file and line.
type Find struct {
	actors.Reply[[]symbols.Symbol]

	Name string
}

func (Add) isShard()  {}
func (Find) isShard() {}

// shard holds the part of the index in memory that its share of names makes up.
type shard struct{ byName map[string][]symbols.Symbol }

func (s *shard) Receive(_ *actors.Context[ShardMsg], m ShardMsg) error {
	switch m := m.(type) {
	case Add:
		for _, symbol := range m.Symbols {
			s.byName[symbol.Name] = append(s.byName[symbol.Name], symbol)
		}
	case Find:
		found := slices.Clone(s.byName[m.Name])
		slices.SortFunc(found, symbols.Compare)

		return m.Send(found)
	}

	return nil
}
