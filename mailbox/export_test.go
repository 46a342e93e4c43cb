package mailbox

// Begin returns the valid lease, for tests that receive without being run.
func (b *Mailbox[M]) Begin() *Lease[M] {
	b.mu.Lock()
	defer b.mu.Unlock()

	return b.lease
}

// Throughput returns how many messages are taken in a row.
func (a *Adapter) Throughput() int {
	a.box.mu.Lock()
	defer a.box.mu.Unlock()

	return a.box.options.Throughput
}
