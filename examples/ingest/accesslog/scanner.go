package accesslog

import (
	"fmt"
	"strings"
)

// scanner takes a line apart from left to right. Its first error stays.
type scanner struct {
	rest string
	err  error
}

func (s *scanner) failf(format string, args ...any) {
	if s.err == nil {
		s.err = fmt.Errorf(format, args...)
	}
}

// until takes what stands in front of an end, and the end.
func (s *scanner) until(end, what string) string {
	text, rest, found := strings.Cut(s.rest, end)
	if !found {
		s.failf("%s: no %q behind it", what, end)
	}

	s.rest = rest

	return text
}

// quoted takes a text in quotes, in which a backslash takes the meaning from the next character. The text is as it
// stands in the line.
func (s *scanner) quoted(what string) string {
	text, found := strings.CutPrefix(s.rest, `"`)
	if !found {
		s.failf("%s: no quote in front of it", what)
	}

	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			s.rest = text[i+1:]

			return text[:i]
		}
	}

	s.failf("%s: no quote behind it", what)
	s.rest = ""

	return ""
}

// skip takes what must stand next.
func (s *scanner) skip(sign, what string) {
	rest, found := strings.CutPrefix(s.rest, sign)
	if !found {
		s.failf("no %q in front of %s", sign, what)
	}

	s.rest = rest
}
