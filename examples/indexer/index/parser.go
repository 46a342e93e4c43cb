package index

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/examples/indexer/source"
	"github.com/troupe-go/troupe/examples/indexer/store"
	"github.com/troupe-go/troupe/examples/indexer/symbols"
)

// ParserMsg is what a parser understands.
type ParserMsg interface{ isParser() }

// ParseFile makes a parser read, parse and pass on one file. A file that cannot be read or parsed fails, and so ends
// among the dead letters with its path and the reason.
type ParseFile struct {
	// File is the path below the root.
	File string
}

// Sync is answered when the parser has handled everything that was in its queue before.
type Sync struct{ actors.Reply[struct{}] }

func (ParseFile) isParser() {}
func (Sync) isParser()      {}

// Chaos makes parsers panic: a share of all files, chosen by seed and path, so that a seed names the same files in
// every run.
type Chaos struct {
	// Rate from 0 to 1 is the share of files.
	Rate float64
	Seed uint64
}

// strikes reports whether parsing the file is to panic.
func (c Chaos) strikes(file string) bool {
	if c.Rate == 0 {
		return false
	}

	h := fnv.New64a()
	_, _ = h.Write(binary.LittleEndian.AppendUint64(nil, c.Seed))
	_, _ = h.Write([]byte(file)) // a hash never returns an error

	return float64(mix(h.Sum64())>>11)/(1<<53) < c.Rate
}

// mix spreads the bits of a hash (the finaliser of splitmix64).
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb

	return x ^ x>>31
}

type parser struct {
	tree   *source.Tree
	chaos  Chaos
	shards []actors.Ref[ShardMsg]
	keeper actors.Ref[KeeperMsg]
}

func (p *parser) Receive(ctx *actors.Context[ParserMsg], m ParserMsg) error {
	switch m := m.(type) {
	case ParseFile:
		return p.parse(ctx, m.File)
	case Sync:
		return m.Send(struct{}{})
	}

	return nil
}

func (p *parser) parse(ctx *actors.Context[ParserMsg], file string) error {
	if p.chaos.strikes(file) {
		panic(fmt.Sprintf("chaos strikes %s", file))
	}

	found, err := p.read(file)
	if err != nil {
		// The keeper remembers that the file was seen; the error makes the message a dead letter.
		return errors.Join(err, p.keeper.Tell(ctx, Keep{store.File{Path: file, Err: err.Error()}}))
	}

	for i, part := range split(found, len(p.shards)) {
		if len(part) > 0 {
			if err := p.shards[i].Tell(ctx, Add{part}); err != nil {
				return err
			}
		}
	}

	return p.keeper.Tell(ctx, Keep{store.File{Path: file, Symbols: found}})
}

func (p *parser) read(file string) ([]symbols.Symbol, error) {
	text, err := p.tree.Read(file)
	if err != nil {
		return nil, err
	}

	return symbols.Parse(file, text)
}

// split groups symbols by the shard that holds their name.
func split(all []symbols.Symbol, shards int) [][]symbols.Symbol {
	parts := make([][]symbols.Symbol, shards)

	for _, s := range all {
		i := ShardOf(s.Name, shards)
		parts[i] = append(parts[i], s)
	}

	return parts
}

// ShardOf returns which of n shards holds a name.
func ShardOf(name string, n int) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(name)) // a hash never returns an error

	return int(h.Sum32() % uint32(n)) //nolint:gosec // n is a small positive number
}
