package supervision

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxName is how many bytes long a name may be: that of a child, whether it is declared or started at run time, and
// that of a task. A name is valid UTF-8 that can be printed, without slash and white space, and neither "." nor "..",
// which mean other places where a path is joined, as those of files and URLs are.
const MaxName = 255

// nameProblem says what is wrong with a name; nothing if it is one.
func nameProblem(name string) string {
	switch {
	case isPlain(name): // as most are, and many may come at a time
		return ""
	case name == "":
		return "is empty, every child needs one"
	case len(name) > MaxName:
		return fmt.Sprintf("is %d bytes long, must be %d at most", len(name), MaxName)
	case !utf8.ValidString(name):
		return fmt.Sprintf("%q is not valid UTF-8", name)
	case isDots(name):
		return fmt.Sprintf("%q is not a name, in a path it means another place", name)
	case strings.ContainsFunc(name, func(r rune) bool { return r == '/' || unicode.IsSpace(r) }):
		return fmt.Sprintf("%q contains a slash or white space", name)
	case strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }):
		return fmt.Sprintf("%q contains a character that cannot be printed", name)
	default:
		return ""
	}
}

// isPlain reports whether a name is one of letters, digits and signs of ASCII, which are all printed.
func isPlain(name string) bool {
	if name == "" || len(name) > MaxName || isDots(name) {
		return false
	}

	for i := range len(name) {
		if c := name[i]; c <= ' ' || c >= 0x7f || c == '/' {
			return false
		}
	}

	return true
}

func isDots(name string) bool { return name == "." || name == ".." }

// shown is the name as errors show it: of one that is too long the beginning.
func shown(name string) string {
	const few = 32

	if len(name) <= MaxName {
		return name
	}

	return strings.ToValidUTF8(name[:few], "") + "…"
}
