package store

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/troupe-go/troupe/examples/indexer/symbols"
)

// The encodings, all of unsigned varints (u), signed ones (s), bytes (b) and strings (t: length u, bytes):
//
//	record    u number, t failure, u count, count × { b kind, s line minus the line before, t name }
//	places    until the end: { b kind, s line minus the line before }
//	counters  u files, u failed, u symbols
//	state     b complete, t root, u files, u symbols
//
// They belong to the schema version. A decoder takes any bytes: it returns errDamaged rather than panic,
// and allocates no more than a small multiple of its input.

// errDamaged occurs when a value does not decode.
var errDamaged = errors.New("database is damaged")

// maxLine bounds lines, so that sums of differences stay within an int on any machine.
const maxLine = 1<<31 - 1

// place is where a known name stands in a known file.
type place struct {
	kind symbols.Kind
	line int
}

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// record is a stored file. Its number stands for its path, is given at the first Put and never changes.
type record struct {
	File

	number uint32
}

// appendCount appends a number that is 0 or more: a counter, or checked before it came here.
func appendCount(b []byte, n int) []byte {
	return binary.AppendUvarint(b, uint64(n)) //nolint:gosec // not negative: see above
}

func appendRecord(b []byte, number uint32, f File) []byte {
	b = binary.AppendUvarint(b, uint64(number))
	b = appendString(b, f.Err)
	b = binary.AppendUvarint(b, uint64(len(f.Symbols)))
	before := 0
	for _, s := range f.Symbols {
		b = append(b, byte(s.Kind))
		b = binary.AppendVarint(b, int64(s.Line-before))
		b = appendString(b, s.Name)
		before = s.Line
	}
	return b
}

func decodeRecord(path string, b []byte) (record, error) {
	d := decoder{rest: b}
	f := record{number: d.uint32(), File: File{Path: path, Err: d.text()}}
	count := d.number()
	// The shortest symbol takes three bytes: a count beyond that is a lie, and no reason to allocate.
	if d.bad || count > uint64(len(d.rest))/3 {
		return record{}, fmt.Errorf("%w: record of file %q", errDamaged, path)
	}
	if count > 0 {
		f.Symbols = make([]symbols.Symbol, 0, count)
	}
	before := 0
	for range count {
		p := d.place(before)
		f.Symbols = append(f.Symbols, symbols.Symbol{Name: d.text(), File: path, Line: p.line, Kind: p.kind})
		before = p.line
	}
	if !d.done() {
		return record{}, fmt.Errorf("%w: record of file %q", errDamaged, path)
	}
	return f, nil
}

func appendPlace(b []byte, before int, p place) []byte {
	b = append(b, byte(p.kind))
	return binary.AppendVarint(b, int64(p.line-before))
}

// decodePlaces appends to found.
func decodePlaces(found []symbols.Symbol, name, path string, b []byte) ([]symbols.Symbol, error) {
	d := decoder{rest: b}
	before := 0
	for len(d.rest) > 0 && !d.bad {
		p := d.place(before)
		found = append(found, symbols.Symbol{Name: name, File: path, Line: p.line, Kind: p.kind})
		before = p.line
	}
	if !d.done() {
		return nil, fmt.Errorf("%w: name %q of file %q", errDamaged, name, path)
	}
	return found, nil
}

func appendStats(b []byte, s Stats) []byte {
	b = appendCount(b, s.Files)
	b = appendCount(b, s.Failed)
	return appendCount(b, s.Symbols)
}

func decodeStats(b []byte) (Stats, error) {
	if len(b) == 0 { // nothing was ever put
		return Stats{}, nil
	}
	d := decoder{rest: b}
	s := Stats{Files: d.count(), Failed: d.count(), Symbols: d.count()}
	if !d.done() {
		return Stats{}, fmt.Errorf("%w: counters", errDamaged)
	}
	return s, nil
}

func appendState(b []byte, s state) []byte {
	complete := byte(0)
	if s.complete {
		complete = 1
	}
	b = appendString(append(b, complete), s.Root)
	b = appendCount(b, s.Files)
	return appendCount(b, s.Symbols)
}

func decodeState(b []byte) (state, error) {
	if len(b) == 0 { // no index was ever begun
		return state{}, nil
	}
	d := decoder{rest: b}
	complete := d.octet()
	s := state{complete: complete == 1, Index: Index{Root: d.text(), Files: d.count(), Symbols: d.count()}}
	if complete > 1 || !d.done() {
		return state{}, fmt.Errorf("%w: state", errDamaged)
	}
	return s, nil
}
