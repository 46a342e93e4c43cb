package mailbox

// Begin returns the valid lease, for tests that receive without being run.
func (b *Mailbox[M]) Begin() *Lease[M] {
	b.mu.Lock()
	defer b.mu.Unlock()

	return b.valid()
}

// Throughput returns how many messages are taken in a row.
func (a *Adapter) Throughput() int {
	a.box.mu.Lock()
	defer a.box.mu.Unlock()

	return int(a.box.options.Throughput)
}

// Done settles the message in hand as processed, if there is one. It returns false if the lease was revoked.
func (l *Lease[M]) Done() bool {
	l.box.mu.Lock()
	defer l.box.mu.Unlock()

	if l.box.lease != l {
		return false
	}

	l.settle()

	return true
}

// ClaimOnly is the first step of a claim with empty hands, up to where the holder looks whether senders wait.
func (l *Lease[M]) ClaimOnly() { l.claims.Add(claimOne + inHand) }

// Admit is the step after ClaimOnly.
func (l *Lease[M]) Admit() { l.admit() }

// Standalone is what [New] allocates.
type Standalone[M any] = standalone[M]

// Resents returns how many messages the lane that remembers most remembers the delivery of, without those set aside.
func (b *Mailbox[M]) Resents() (n int) {
	b.mu.Lock()
	defer b.mu.Unlock()

	for _, l := range []*lane[M]{&b.data, b.control} {
		if l != nil && l.seldom != nil {
			n = max(n, len(l.seldom.resents))
		}
	}

	return n
}
