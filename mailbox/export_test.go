package mailbox

// Throughput returns how many messages are taken in a row.
func (a *Adapter) Throughput() int {
	a.box.mu.Lock()
	defer a.box.mu.Unlock()

	return a.box.options.Throughput
}
