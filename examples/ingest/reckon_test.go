package main

import (
	"cmp"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/examples/ingest/totals"
)

// pattern is a line as the manuals of Apache and nginx have it: the common format, and what the combined one adds.
var pattern = regexp.MustCompile(`^(?:[^ :]+:\d+ )?\S+ \S+ \S+ \[([^\]]+)\] ` +
	`"((?:[^"\\]|\\.)*)" (\d{3}) (\d+|-)(?: "(?:[^"\\]|\\.)*" "((?:[^"\\]|\\.)*)")?$`)

var robot = regexp.MustCompile(`(?i)bot|curl`)

// reckon adds lines up without anything of the program.
func reckon(t *testing.T, lines []string, vhost bool) result {
	t.Helper()

	var r result

	minutes, paths := map[string]totals.Sum{}, map[string]totals.Sum{}

	for _, line := range lines {
		m := pattern.FindStringSubmatch(line)

		switch {
		case m == nil, !vhost && strings.HasPrefix(line, "example.com:443"):
			r.Bad++

			continue
		case robot.MatchString(m[5]):
			r.Lines++
			r.Bots++

			continue
		}

		r.Lines++

		bytes, _ := strconv.ParseInt(m[4], 10, 64) // - is none
		one := totals.Sum{Requests: 1, Bytes: bytes}

		if m[3][0] == '5' {
			one.Errors = 1
		}

		path := "-"
		if words := strings.Split(m[2], " "); len(words) == 3 {
			path, _, _ = strings.Cut(words[1], "?")
		}

		r.Sum = plus(r.Sum, one)
		paths[path] = plus(paths[path], one)
		minutes[m[1][:len("10/Oct/2026:12:00")]] = plus(minutes[m[1][:len("10/Oct/2026:12:00")]], one)
	}

	for path, s := range maps.All(paths) {
		r.Paths = append(r.Paths, totals.Path{Sum: s, Path: path})
	}

	for text, s := range minutes {
		at, err := time.Parse("02/Jan/2006:15:04", text) // the logs of the tests are of Greenwich
		require.NoError(t, err)

		r.Minutes = append(r.Minutes, totals.Minute{Sum: s, Minute: at})
	}

	slices.SortFunc(r.Paths, func(a, b totals.Path) int { return cmp.Compare(a.Path, b.Path) })
	slices.SortFunc(r.Minutes, func(a, b totals.Minute) int { return a.Minute.Compare(b.Minute) })

	return r
}

func plus(a, b totals.Sum) totals.Sum {
	return totals.Sum{Requests: a.Requests + b.Requests, Errors: a.Errors + b.Errors, Bytes: a.Bytes + b.Bytes}
}
