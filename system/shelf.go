package system

import "sort"

// shelf holds the most recent letters, at most capacity of them, in the order of their numbers. A letter can be taken
// out of the middle. Guarded by Office.mu.
//
// It is a ring of slots. One whose letter was taken out stays, empty, until it is the oldest or there is no other: then
// the letters move to a new ring with as many slots free as are taken, so that this is seldom. Memory follows use.
type shelf struct {
	capacity int
	ring     []slot
	oldest   int    // its index
	used     int    // slots in use, with those that are empty
	held     int    // letters
	taken    uint64 // letters ever put
	evicted  uint64 // letters that went for want of room
}

type slot struct {
	letter Letter
	empty  bool
}

// firstSlots is the size of the first ring.
const firstSlots = 8

// put takes a letter of a higher number than all before.
func (s *shelf) put(l Letter) {
	s.taken++

	if s.held == s.capacity {
		s.skip()
		s.clear(0)

		s.evicted++
	}

	s.skip()

	if s.used == len(s.ring) {
		s.move()
	}

	*s.at(s.used) = slot{letter: l}
	s.used++
	s.held++
}

// at returns slot number i, counted from the oldest.
func (s *shelf) at(i int) *slot { return &s.ring[(s.oldest+i)%len(s.ring)] }

// skip gives up the oldest slots if they are empty.
func (s *shelf) skip() {
	for s.used > 0 && s.at(0).empty {
		s.oldest = (s.oldest + 1) % len(s.ring)
		s.used--
	}
}

// move moves the letters to a new ring.
func (s *shelf) move() {
	ring, n := make([]slot, max(firstSlots, 2*s.held)), 0

	for i := range s.used {
		if !s.at(i).empty {
			ring[n] = *s.at(i)
			n++
		}
	}

	s.ring, s.oldest, s.used = ring, 0, n
}

// clear takes the letter out of a slot; only its number stays.
func (s *shelf) clear(i int) {
	at := s.at(i)
	*at = slot{letter: Letter{Number: at.letter.Number}, empty: true}
	s.held--
}

// search returns the first slot of that number or a higher one.
func (s *shelf) search(number uint64) int {
	return sort.Search(s.used, func(i int) bool { return s.at(i).letter.Number >= number })
}

// get returns a letter and its slot.
func (s *shelf) get(number uint64) (l Letter, i int, found bool) {
	i = s.search(number)
	if i == s.used || s.at(i).empty || s.at(i).letter.Number != number {
		return l, 0, false
	}

	return s.at(i).letter, i, true
}

// after appends letters from a number on to a slice with room for some. Next is where to go on.
func (s *shelf) after(from uint64, to []Letter) (all []Letter, next uint64) {
	for i := s.search(from); i < s.used && len(to) < cap(to); i++ {
		if at := s.at(i); !at.empty {
			to = append(to, at.letter)
			from = at.letter.Number + 1
		}
	}

	return to, from
}
