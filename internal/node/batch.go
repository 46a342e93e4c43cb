package node

// Batch is a number of children that somebody adds to a group or a pool at a time, and waits for together. Its owner
// fills in the first five fields. From [Groups.Spawn] on all of it is the runtime's, until the owner has got the value
// of Done, which is there when [Groups.Recall] returns, if not before; then it is the owner's again, for another use.
type Batch struct {
	// Group is the index of the group in the plan.
	Group int
	// Children are to be added in this order.
	Children []Newcomer
	// Mount makes child number i. It is called before anything else can happen to the group, and must not block.
	Mount func(i, id int, path string) (Node, error)
	// Behind is a batch that was there before this one, or nil: once one of it has failed, nobody is added any more.
	Behind *Batch
	// Done has room for one value. It gets that when all that have been added have started or failed.
	Done chan struct{}

	// Added is how many children have been added, the first ones.
	Added int
	// Err is why the next one could not be; nil if there is none, or if one of those that were added has failed. It is
	// there when Spawn returns.
	Err error

	pending int  // that have been added and have not been told, and one more while there may be others to add
	failed  bool // one has been told of an error, or could not be added
}

// Newcomer is a child that is added.
type Newcomer struct {
	// Name is the last element of its path; without one it takes a number.
	Name string
	// Node is the child, once it has been added.
	Node Node
	// Told is set when it is known how its start went, and Err is how.
	Told bool
	Err  error
}

// Begin makes the batch ready for its children to be added.
func (b *Batch) Begin() { b.Added, b.Err, b.pending, b.failed = 0, nil, 1, false }

// Next returns the number of the child that is to be added next, unless there is none, or something has gone wrong.
func (b *Batch) Next() (i int, ok bool) {
	return b.Added, b.Added < len(b.Children) && !b.failed && (b.Behind == nil || !b.Behind.failed)
}

// Admit notes that the next child has been added.
func (b *Batch) Admit(n Node) {
	b.Children[b.Added].Node = n
	b.Added++
	b.pending++
}

// End notes that nobody else is added, because of err if that is not nil.
func (b *Batch) End(err error) {
	b.Err = err
	b.settle(err)
}

// Tell notes how the start of a child went, once.
func (b *Batch) Tell(i int, err error) {
	n := &b.Children[i]
	n.Told, n.Err = true, err

	b.settle(err)
}

// settle notes that there is one less to wait for. It does not block.
func (b *Batch) settle(err error) {
	b.failed = b.failed || err != nil

	b.pending--
	if b.pending == 0 {
		b.Done <- struct{}{} // has room for it
	}
}
