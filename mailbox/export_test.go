package mailbox

// Begin returns the valid lease, for tests that receive without being run.
func (b *Mailbox[M]) Begin() *Lease[M] {
	b.mu.Lock()
	defer b.mu.Unlock()

	return b.lease
}
