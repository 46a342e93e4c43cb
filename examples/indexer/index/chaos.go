package index

import (
	"encoding/binary"
	"hash/fnv"
)

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
