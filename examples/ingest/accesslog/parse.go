package accesslog

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Format says what is expected of a line. The zero value takes the common and the combined format.
type Format struct {
	// VHost says that a line begins with the name of the virtual host and a blank, as in Apache's vhost_combined, if what
	// it begins with has a port.
	VHost bool
}

// Entry is what a line says.
type Entry struct {
	Time time.Time
	// Path that was asked for, without its query, as it stands in the line. It is [NoPath] if the client did not send a
	// request of HTTP.
	Path   string
	Status int
	// Bytes of the answer.
	Bytes int64
	// Agent is what the client calls itself; "" if the format does not have it.
	Agent string
}

// NoPath is the path of a request that is none.
const NoPath = "-"

const timeLayout = "02/Jan/2006:15:04:05 -0700"

// Parse reads a line without its line feed. The error says what is wrong with which part of it.
func (f Format) Parse(line string) (e Entry, err error) {
	if f.VHost {
		line = withoutHost(line)
	}

	s := scanner{rest: line}
	s.until(" ", "the client")
	s.until(" ", "the identity")
	s.until(" ", "the user")
	s.skip("[", "the time")

	at := s.until("] ", "the time")
	e.Path = path(s.quoted("the request"))
	s.skip(" ", "the status")

	status := s.until(" ", "the status")

	size, more, combined := strings.Cut(s.rest, " ")
	if s.rest = more; combined {
		s.quoted("the referrer")
		s.skip(" ", "the agent")
		e.Agent = s.quoted("the agent")
	}

	if s.rest != "" {
		s.failf("more text than the format has: %q", s.rest)
	}

	if s.err != nil {
		return Entry{}, s.err
	}

	return e.with(at, status, size)
}

// with adds what is made of words.
func (e Entry) with(at, status, size string) (Entry, error) {
	var errs [3]error

	e.Time, errs[0] = time.Parse(timeLayout, at)

	if e.Status, errs[1] = strconv.Atoi(status); errs[1] == nil && (len(status) != 3 || e.Status < 100) {
		errs[1] = fmt.Errorf("the status %q is not of three digits", status)
	}

	if size != "-" { // which stands for none
		e.Bytes, errs[2] = strconv.ParseInt(size, 10, 64)
	}

	if e.Bytes < 0 {
		errs[2] = fmt.Errorf("the size %d is negative", e.Bytes)
	}

	if err := errors.Join(errs[:]...); err != nil {
		return Entry{}, err
	}

	return e, nil
}

// path takes the path out of a request, such as "GET /tea?cup=1 HTTP/1.1".
func path(request string) string {
	words := strings.Split(request, " ")
	if len(words) != 3 || !strings.HasPrefix(words[2], "HTTP/") {
		return NoPath
	}

	p, _, _ := strings.Cut(words[1], "?")

	return cmp.Or(p, NoPath)
}

// withoutHost takes the virtual host away that a line begins with, such as "example.com:443". An address of a client
// has no port.
func withoutHost(line string) string {
	host, rest, found := strings.Cut(line, " ")
	if !found {
		return line
	}

	name, port, found := strings.Cut(host, ":")
	if _, err := strconv.ParseUint(port, 10, 16); !found || name == "" || err != nil {
		return line
	}

	return rest
}
