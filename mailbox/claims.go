package mailbox

// The word that makes taking messages exact: what the receiver has claimed of the data lane, and whether it has a
// message in hand, in one atomic integer. The receiver claims with one add, a revocation voids the lease with one or:
// they have one order, so a message is either the holder's and settled by it, or the revocation's.
//
//	63                          4     3        2      1      0
//	[ claimed of the data lane ][ aside ][ held ][ hand ][ revoked ]
//
// The count is never reset and cannot overflow: 2⁶⁰ messages take centuries.
const (
	revoked uint64 = 1 << 0 // the lease is void: its holder may touch nothing any more
	inHand  uint64 = 1 << 1 // a message is in the holder's hands
	held    uint64 = 1 << 2 // it was moved out of its lane, into Lease.held
	// putAside says that the message in hand was put into the stash, by whatever goroutine: it is not the holder's to
	// settle any more. The holder finds the bit when it claims the next message; until it has seen to it under mu, that
	// one is in hand and this one, number aside.at-1, is not.
	putAside   uint64 = 1 << 3
	claimOne   uint64 = 1 << claimShift
	claimShift        = 4
)

// What the receiver must look at before it takes the next message, in one word: the commands of the system lane in the
// lower half, what waits elsewhere in the upper. It is written under Mailbox.mu and read without.
const (
	commandBits   uint64 = 1<<32 - 1
	controlQueued uint64 = 1 << 32 // the control lane is not empty
	sendersWait   uint64 = 1 << 33 // senders wait for room in the data lane
	broughtBack   uint64 = 1 << 34 // something is to be taken before what waits in a lane: aside.again is not empty
	aheadOfData   uint64 = controlQueued | broughtBack
)
