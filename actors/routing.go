package actors

import (
	"hash/maphash"
	"sync/atomic"
)

// Routing chooses the member of a pool that gets a message. The zero value is [RoundRobin].
type Routing[M any] struct {
	kind routing
	key  func(M) string
}

type routing uint8

const (
	roundRobin routing = iota
	leastLoaded
	consistentHash
)

// RoundRobin sends to the members in turn.
func RoundRobin[M any]() Routing[M] { return Routing[M]{} }

// LeastLoaded sends to a member with the fewest messages in its queue and in hand, and rather to one that is running
// than to one that is being restarted. It looks at all of them for every message, so it is for pools of at most some
// dozens of members.
func LeastLoaded[M any]() Routing[M] { return Routing[M]{kind: leastLoaded} }

// ConsistentHash sends all messages of a key to the same member, by rendezvous hashing: when the pool is resized only
// the keys of members that go, and those that new members take over, change theirs. Key is called on the sender's
// goroutine and must not block; that it panics is the sender's affair, and of a message from protoactor, whose sender
// cannot be told, it is a dead letter. It must not be nil.
func ConsistentHash[M any](key func(m M) string) Routing[M] {
	return Routing[M]{kind: consistentHash, key: key}
}

// Validate returns [ErrNilFunc] for a consistent hash without a key function.
func (r Routing[M]) Validate() error {
	if r.kind == consistentHash && r.key == nil {
		return ErrNilFunc
	}

	return nil
}

// router is the state of a routing over the members of one pool.
type router[M any] struct {
	Routing[M]

	turn atomic.Uint64
	seed maphash.Seed
}

// choose returns one of the members, of which there is at least one.
func (r *router[M]) choose(members []member[M], m M) *cell[M] {
	switch r.kind {
	case leastLoaded:
		return r.least(members)
	case consistentHash:
		return r.heaviest(members, r.key(m))
	default:
		return members[r.turn.Add(1)%uint64(len(members))].cell
	}
}

func (r *router[M]) least(members []member[M]) *cell[M] {
	// It begins elsewhere every time, so that equal ones take turns.
	first := int(r.turn.Add(1) % uint64(len(members))) //nolint:gosec // below the length of a slice
	best := members[first].cell
	fewest, down := best.box.Load()

	for i := 1; i < len(members) && (fewest > 0 || down); i++ {
		c := members[(first+i)%len(members)].cell

		n, isDown := c.box.Load()
		if !isDown && down || isDown == down && n < fewest {
			best, fewest, down = c, n, isDown
		}
	}

	return best
}

// heaviest returns the member with the highest random weight for the key (Thaler and Ravishankar, 1998).
func (r *router[M]) heaviest(members []member[M], key string) (best *cell[M]) {
	var most uint64

	hash := maphash.String(r.seed, key)

	for _, c := range members {
		if weight := mix(hash ^ c.salt); best == nil || weight > most {
			best, most = c.cell, weight
		}
	}

	return best
}

// mix is the finaliser of MurmurHash3, which makes every bit of the result depend on every bit of the input.
func mix(h uint64) uint64 {
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	h ^= h >> 33
	h *= 0xc4ceb9fe1a85ec53
	h ^= h >> 33

	return h
}
