package chain

import (
	"fmt"
	"strings"
)

// Text returns what an err of a user's says. Its Error may panic, and that of a nil pointer in a non-nil error does, or
// end the goroutine, so that it is called on one of its own. Of errors that were joined the text has those that do
// neither.
func Text(err error) string {
	text, how := said(func() string { return err.Error() })
	if how == "" {
		return text
	}

	text, again := said(func() string { return joined(err) })
	if again != "" || text == "" {
		return fmt.Sprintf("%T whose Error method %s", err, how)
	}

	return text
}

// joined returns the texts of the errors that err joins; nothing if it joins none.
func joined(err error) string {
	if _, is := err.(interface{ Unwrap() []error }); !is {
		return ""
	}

	all := Wrapped(err)
	texts := make([]string, len(all))

	for i, e := range all {
		texts[i] = "nil"
		if e != nil {
			texts[i] = Text(e)
		}
	}

	return strings.Join(texts, "\n")
}

// said returns what f does, or how it did not return.
func said(f func() string) (text, how string) {
	said := &speech{how: "ends its goroutine"}
	apart(func() { said.by(f) })

	return said.text, said.how
}

// speech is what somebody says, or how it did not come to that.
type speech struct{ text, how string }

func (s *speech) by(f func() string) {
	defer func() {
		if v := recover(); v != nil {
			s.how = "panics"
		}
	}()

	s.text = f()
	s.how = ""
}

// Print is [fmt.Sprint] of what a user has panicked with, or that holds an error of a user's: fmt panics itself where
// a method panics with a value whose methods panic.
func Print(v any) string { return printed("%v", v) }

// Detail is Print in the format "%+v".
func Detail(v any) string { return printed("%+v", v) }

func printed(format string, v any) string {
	text, how := said(func() string { return fmt.Sprintf(format, v) })
	if how == "" {
		return text
	}

	return fmt.Sprintf("%T that cannot be printed: it %s", v, how)
}

// Wrap returns an error that wraps err, an err of a user's, and says so behind the words before. Unlike that of
// [fmt.Errorf] its text is made when it is asked for.
func Wrap(before string, err error) error { return &wrapped{before, err} }

type wrapped struct {
	before string
	err    error
}

func (w *wrapped) Error() string { return w.before + ": " + Text(w.err) }
func (w *wrapped) Unwrap() error { return w.err }

// Both returns an error that wraps two, each of which may be a user's, as [fmt.Errorf] does with "%w: %w". Its text is
// made when it is asked for.
func Both(first, second error) error { return &both{first, second} }

type both struct{ first, second error }

func (b *both) Error() string   { return Text(b.first) + ": " + Text(b.second) }
func (b *both) Unwrap() []error { return []error{b.first, b.second} }
