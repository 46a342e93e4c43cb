package files

// Appended is what a sink needs of a file.
type Appended = appended

// Wrap puts something between an open sink and its file.
func (s *AppendSink[T]) Wrap(f func(Appended) Appended) { s.f = f(s.f) }
