package symbols

import "strconv"

// Kind says what a symbol declares. The zero value is invalid: it means that nobody set the kind.
type Kind uint8

// The kinds of top-level declarations. Their numbers are written to database files: append only.
const (
	// KindUnset is the invalid zero value; [Parse] never returns it.
	KindUnset Kind = iota
	// KindFunc is a function without a receiver.
	KindFunc
	// KindMethod is a function with a receiver.
	KindMethod
	// KindType is a defined type or an alias.
	KindType
	// KindConst is one name of a constant declaration.
	KindConst
	// KindVar is one name of a variable declaration.
	KindVar
)

// Valid reports whether k is one of the declared kinds, KindUnset not among them.
func (k Kind) Valid() bool { return k >= KindFunc && k <= KindVar }

// String returns the word for k as it stands in Go source ("method" for methods), "unset" for the zero
// value and "Kind(n)" for a number that is no kind.
func (k Kind) String() string {
	switch k {
	case KindUnset:
		return "unset"
	case KindFunc:
		return "func"
	case KindMethod:
		return "method"
	case KindType:
		return "type"
	case KindConst:
		return "const"
	case KindVar:
		return "var"
	default:
		return "Kind(" + strconv.Itoa(int(k)) + ")"
	}
}
