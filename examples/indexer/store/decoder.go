package store

import (
	"encoding/binary"
	"math"

	"github.com/troupe-go/troupe/examples/indexer/symbols"
)

// decoder reads values off the front of rest. The first value that is not there or makes no sense sets bad,
// and from then on everything reads as zero, so that callers check once at the end.
type decoder struct {
	rest []byte // not changed, and not kept by what the decoder returns
	bad  bool
}

// done reports whether everything was read and all of it made sense.
func (d *decoder) done() bool { return !d.bad && len(d.rest) == 0 }

func (d *decoder) fail() {
	d.bad = true
	d.rest = nil
}

func (d *decoder) octet() byte {
	if len(d.rest) == 0 {
		d.fail()
		return 0
	}
	b := d.rest[0]
	d.rest = d.rest[1:]
	return b
}

func (d *decoder) number() uint64 {
	v, n := binary.Uvarint(d.rest)
	if n <= 0 {
		d.fail()
		return 0
	}
	d.rest = d.rest[n:]
	return v
}

func (d *decoder) uint32() uint32 {
	v := d.number()
	if v > math.MaxUint32 {
		d.fail()
		return 0
	}
	return uint32(v)
}

// count reads a number that fits an int on any machine.
func (d *decoder) count() int {
	v := d.number()
	if v > maxLine {
		d.fail()
		return 0
	}
	return int(v)
}

func (d *decoder) text() string {
	n := d.number()
	if n > uint64(len(d.rest)) {
		d.fail()
		return ""
	}
	s := string(d.rest[:n])
	d.rest = d.rest[n:]
	return s
}

// place reads a kind and a line that is given as the difference to the line before.
func (d *decoder) place(before int) place {
	kind := symbols.Kind(d.octet())
	diff, n := binary.Varint(d.rest)
	line := int64(before) + diff
	// A difference can overflow the sum; one that is out of range by itself is caught first.
	if n <= 0 || !kind.Valid() || diff < -maxLine || diff > maxLine || line < 0 || line > maxLine {
		d.fail()
		return place{}
	}
	d.rest = d.rest[n:]
	return place{kind: kind, line: int(line)}
}
