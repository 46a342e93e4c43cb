package mailbox

// The word that makes taking messages exact: everything about the receiver's position in one atomic integer, so that
// each step of the receiver and its revocation are ordered against each other.
//
//	63            32 31       4  3        2       1     0
//	[ data claimed ][ control ][ctl hand][parked][free][revoked]
//
// Both counts are modulo their width; a lane's capacity is far smaller than either.
const (
	revoked     uint64 = 1 << 0 // the lease is void: its holder may touch nothing any more
	free        uint64 = 1 << 1 // no message is in the holder's hands
	parked      uint64 = 1 << 2 // the holder has left: no turn is running
	controlHand uint64 = 1 << 3 // the message in hand came from the control lane
	controlOne  uint64 = 1 << 4
	controlMask uint64 = 0xFFFF_FFF0
	dataOne     uint64 = 1 << 32
	dataShift          = 32
	controlBits        = 28
)

// claimedOf returns how many of the lane's messages the receiver had claimed when claims was read. Called with l.mu
// held, which keeps l.count.
func claimedOf[M any](l *lane[M], claims uint64) uint64 {
	if l.kind == Control {
		const mask = 1<<controlBits - 1

		return l.count - (l.count-(claims&controlMask)>>4)&mask
	}

	return l.count - uint64(uint32(l.count)-uint32(claims>>dataShift)) //nolint:gosec // modular on purpose
}
