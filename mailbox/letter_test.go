package mailbox_test

import (
	"sync"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/mailbox"
)

// letter is a message that shows if it was torn.
type letter struct {
	lane      mailbox.Lane
	sender, n int
	sum       int
}

func newLetter(lane mailbox.Lane, sender, n int) letter {
	return letter{lane, sender, n, 1_000_003*sender + n}
}

// fate is what was seen of one letter.
type fate struct {
	accepted, delivered, failed, dead, left, abandoned, dropped int
	ticketed, forgot, told                                      int
}

// postOffice is what was seen of all letters. Its methods are safe for concurrent use.
type postOffice struct {
	mu    sync.Mutex
	fates map[letter]*fate
	order map[mailbox.Lane]map[int][]letter // as delivered, by lane and sender
	torn  []letter
}

func newPostOffice() *postOffice {
	return &postOffice{
		fates: map[letter]*fate{},
		order: map[mailbox.Lane]map[int][]letter{mailbox.Data: {}, mailbox.Control: {}},
	}
}

func (p *postOffice) note(l letter, change func(f *fate)) {
	p.mu.Lock()
	defer p.mu.Unlock()

	f := p.fates[l]
	if f == nil {
		f = &fate{}
		p.fates[l] = f
	}

	change(f)
}

func (p *postOffice) deliver(l letter) {
	p.note(l, func(f *fate) {
		f.delivered++

		if l.lane == 0 || l != newLetter(l.lane, l.sender, l.n) {
			p.torn = append(p.torn, l)

			return
		}

		p.order[l.lane][l.sender] = append(p.order[l.lane][l.sender], l)
	})
}

// receipt is the Loser of a letter's ticket.
type receipt struct {
	post *postOffice
	of   letter
}

func (r receipt) Lost(error) { r.post.note(r.of, func(f *fate) { f.told++ }) }

// check compares what was seen with what a closed and emptied mailbox has counted.
func (p *postOffice) check(t driver, box *mailbox.Mailbox[letter]) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()

	require.Empty(t, p.torn)

	want := mailbox.Stats{}

	for l, f := range p.fates {
		require.Equal(t, 1, f.accepted, "what is seen comes from senders that were told so: %+v %+v", l, f)
		require.LessOrEqual(t, f.delivered+f.dropped, 1, "%+v: %+v", l, f)

		lost := f.failed + f.dead + f.left + f.abandoned + f.dropped
		require.LessOrEqual(t, lost, 1, "%+v: %+v", l, f)

		if lost == 0 {
			require.Equal(t, 1, f.delivered, "%+v was accepted and lost: %+v", l, f)
			want.Processed++
		}

		require.Equal(t, f.ticketed-f.forgot, f.told, "all tickets are told, at the latest by Close: %+v: %+v", l, f)

		want.Accepted++
		want.Failed += uint64(f.failed)
		want.Dropped += uint64(f.dropped)
		want.DeadLettered[mailbox.Deadline] += uint64(f.dead)
		want.DeadLettered[mailbox.Stopped] += uint64(f.left)
		want.DeadLettered[mailbox.Abandoned] += uint64(f.abandoned)
	}

	got := box.Stats()
	assert.Zero(t, got.Unaccounted())

	got.Refused = mailbox.Counts{}
	assert.Equal(t, want, got)

	// What was abandoned may be seen late, by a holder that was on its way when it lost its lease.
	for _, bySender := range p.order {
		for _, letters := range bySender {
			last := -1
			for _, l := range letters {
				if p.fates[l].abandoned == 0 {
					require.Greater(t, l.n, last, "%+v", l)
					last = l.n
				}
			}
		}
	}
}
