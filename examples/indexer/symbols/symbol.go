package symbols

import (
	"cmp"
	"fmt"
)

// Symbol is one top-level declaration. It is a plain value of 48 bytes beside its two strings; the
// symbols of one file share the string File.
type Symbol struct {
	// Name is the declared name: "Get" for a function, type, constant or variable and "Client.Get" for
	// a method, the receiver without pointer and type parameters.
	Name string
	// File is the path of the file relative to the root of the tree, with slashes.
	File string
	// Line is the line of the name in that file, counted from 1. Line directives are not followed.
	Line int
	// Kind says what the name declares.
	Kind Kind
}

// String returns the symbol in the form "net/http/client.go:12 method Client.Get".
func (s Symbol) String() string {
	return fmt.Sprintf("%s:%d %s %s", s.File, s.Line, s.Kind, s.Name)
}

// Compare orders symbols by name, file, line and kind, for [slices.SortFunc].
func Compare(a, b Symbol) int {
	return cmp.Or(
		cmp.Compare(a.Name, b.Name),
		cmp.Compare(a.File, b.File),
		cmp.Compare(a.Line, b.Line),
		cmp.Compare(a.Kind, b.Kind),
	)
}
