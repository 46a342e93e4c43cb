package mailbox

// list is first-in-first-out, and its elements can leave from anywhere in it. What is listed holds its own element, so
// that listing it allocates nothing. Not safe for concurrent use.
type list[T any] struct{ first, last *element[T] }

// element is the place of one T in a list.
type element[T any] struct {
	prev, next *element[T]
	linked     bool
	of         *T
}

func (l *list[T]) push(e *element[T], of *T) {
	e.of, e.linked, e.prev, e.next = of, true, l.last, nil
	if l.last == nil {
		l.first = e
	} else {
		l.last.next = e
	}

	l.last = e
}

// prepend moves all elements of other, which is not empty, before those of l.
func (l *list[T]) prepend(other *list[T]) {
	if l.first == nil {
		l.last = other.last
	} else {
		other.last.next, l.first.prev = l.first, other.last
	}

	l.first = other.first
	*other = list[T]{}
}

func (l *list[T]) remove(e *element[T]) {
	if e.prev == nil {
		l.first = e.next
	} else {
		e.prev.next = e.next
	}

	if e.next == nil {
		l.last = e.prev
	} else {
		e.next.prev = e.prev
	}

	e.linked, e.prev, e.next = false, nil, nil
}
