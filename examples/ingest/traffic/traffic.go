// Package traffic makes up an access log, the same one whenever the seed is the same.
package traffic

import (
	"fmt"
	"io"
	"math/rand/v2"
	"time"
)

var (
	paths  = [...]string{"/", "/tea", "/coffee", "/cups", "/basket", "/about", "/login", "/img/logo.png"}
	agents = [...]string{
		"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 Safari/604.1",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/138.0.0.0 Safari/537.36",
		"Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
		"curl/8.5.0",
	}
	statuses = [...]string{"200", "200", "200", "200", "200", "200", "304", "404", "500"}
)

// perSecond is how many requests there are in a second of the log.
const perSecond = 20

// Line returns a line of the log, counted from 0. Of a hundred about one is cut off, one begins with the virtual host,
// and ten are in the common format.
func Line(seed, n uint64) string {
	random := rand.New(rand.NewPCG(seed, n))
	at := time.Date(2026, time.October, 10, 12, 0, 0, 0, time.UTC).Add(time.Duration(n) * time.Second / perSecond) //nolint:gosec,lll // a log has less than 2^63 lines

	text := fmt.Sprintf(`192.0.2.%d - - [%s] "GET %s?n=%d HTTP/1.1" %s %d`,
		random.IntN(256), at.Format("02/Jan/2006:15:04:05 -0700"), paths[random.IntN(len(paths))], n,
		statuses[random.IntN(len(statuses))], random.IntN(10_000))
	combined := text + ` "-" "` + agents[random.IntN(len(agents))] + `"`

	switch kind := random.IntN(100); {
	case kind == 0:
		return text[:random.IntN(len(text)/2)]
	case kind == 1:
		return "example.com:443 " + combined
	case kind < 12:
		return text
	default:
		return combined
	}
}

// Reader returns the first lines of the log as a text.
func Reader(seed, lines uint64) io.Reader { return &reader{seed: seed, lines: lines} }

type reader struct {
	seed, next, lines uint64
	rest              string // of the line before the next
}

func (r *reader) Read(p []byte) (n int, err error) {
	for n < len(p) {
		if r.rest == "" {
			if r.next == r.lines {
				break
			}

			r.rest = Line(r.seed, r.next) + "\n"
			r.next++
		}

		m := copy(p[n:], r.rest)
		r.rest = r.rest[m:]
		n += m
	}

	if n == 0 && len(p) > 0 {
		return 0, io.EOF
	}

	return n, nil
}
