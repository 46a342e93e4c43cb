package accesslog_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/examples/ingest/accesslog"
)

const common = `192.0.2.7 - ann [10/Oct/2026:13:55:36 +0200] "` + request + `" 200 2326`

var at = time.Date(2026, time.October, 10, 11, 55, 36, 0, time.UTC)

const request = "GET /tea?cup=1 HTTP/1.1"

// tea is what the line says, with changes.
func tea(changes ...func(*accesslog.Entry)) accesslog.Entry {
	e := accesslog.Entry{Path: "/tea", Status: 200, Bytes: 2326}
	for _, change := range changes {
		change(&e)
	}

	return e
}

func quoted(text string) string { return `"` + text + `"` }

func TestBothFormatsAreRead(t *testing.T) {
	for name, of := range map[string]struct {
		line string
		want accesslog.Entry
	}{
		"common":     {common, tea()},
		"combined":   {common + ` "-" "Mozilla/5.0"`, tea(func(e *accesslog.Entry) { e.Agent = "Mozilla/5.0" })},
		"no bytes":   {strings.Replace(common, "2326", "-", 1), tea(func(e *accesslog.Entry) { e.Bytes = 0 })},
		"of IPv6":    {strings.Replace(common, "192.0.2.7", "2001:db8::7", 1), tea()},
		"quotes":     {common + ` "\"" "a \"b\" \\"`, tea(func(e *accesslog.Entry) { e.Agent = `a \"b\" \\` })},
		"no request": {strings.Replace(common, request, "-", 1), tea(func(e *accesslog.Entry) { e.Path = "-" })},
		"no path":    {strings.Replace(common, "/tea", "", 1), tea(func(e *accesslog.Entry) { e.Path = "-" })},
		"of TLS":     {strings.Replace(common, request, `\x16\x03\x01`, 1), tea(func(e *accesslog.Entry) { e.Path = "-" })},
	} {
		t.Run(name, func(t *testing.T) {
			for _, f := range []accesslog.Format{{}, {VHost: true}} {
				e, err := f.Parse(of.line)
				require.NoError(t, err)
				assert.True(t, at.Equal(e.Time), e.Time)

				e.Time = time.Time{}
				assert.Equal(t, of.want, e)
			}
		})
	}
}

func TestWhatIsNoLineOfALogSaysWhy(t *testing.T) {
	for line, why := range map[string]string{
		"":                                       "the client: no",
		"hello":                                  "the client: no",
		"a - b c":                                `no "[" in front of the time`,
		strings.Replace(common, "]", "", 1):      "the time: no",
		strings.Replace(common, "Oct", "Okt", 1): `parsing time "10/Okt/2026:13:55:36 +0200"`,
		strings.Replace(common, ` 200`, ` OK`, 1):                  `parsing "OK"`,
		strings.Replace(common, ` 200`, ` 020`, 1):                 `the status "020" is not of three digits`,
		strings.Replace(common, ` 200`, ` 2000`, 1):                `the status "2000" is not of three digits`,
		strings.Replace(common, ` 200`, `200`, 1):                  `no " " in front of the status`,
		strings.Replace(common, "2326", "-1", 1):                   "the size -1 is negative",
		strings.Replace(common, "2326", "99999999999999999999", 1): "value out of range",
		strings.Replace(common, `"GET`, "GET", 1):                  "the request: no quote in front of it",
		strings.Replace(common, `1.1"`, "1.1", 1):                  "the request: no quote behind it",
		common + " ":                "the referrer: no quote in front of it",
		common + ` "-"`:             `no " " in front of the agent`,
		common + ` "-" "Mozilla`:    "the agent: no quote behind it",
		common + ` "-" "M" "more"`:  `more text than the format has: " \"more\""`,
		"example.com:443 " + common: `no "[" in front of the time`,
	} {
		_, err := accesslog.Format{}.Parse(line)
		assert.ErrorContains(t, err, why, line)
	}
}

func TestTheVirtualHostIsReadIfThatIsSaid(t *testing.T) {
	want, err := accesslog.Format{}.Parse(common)
	require.NoError(t, err)

	e, err := accesslog.Format{VHost: true}.Parse("example.com:443 " + common)
	require.NoError(t, err)
	assert.Equal(t, want, e)
}

// FuzzParse: no line makes Parse panic, and what an entry says, written down, is read as the same.
func FuzzParse(f *testing.F) {
	f.Add(common, false)
	f.Add(common+` "-" "Mozilla/5.0 (\"quoted\")"`, false)
	f.Add("example.com:443 "+common, true)

	f.Fuzz(func(t *testing.T, line string, vhost bool) {
		format := accesslog.Format{VHost: vhost}

		e, err := format.Parse(line)
		if err != nil {
			require.Equal(t, accesslog.Entry{}, e)

			return
		}

		request := "GET " + e.Path + " HTTP/1.1"
		if e.Path == accesslog.NoPath {
			request = "-"
		}

		again, err := format.Parse(fmt.Sprintf(`client - - [%s] %s %03d %d "-" %s`,
			e.Time.Format("02/Jan/2006:15:04:05 -0700"), quoted(request), e.Status, e.Bytes, quoted(e.Agent)))
		require.NoError(t, err)
		require.True(t, e.Time.Equal(again.Time))

		again.Time = e.Time
		require.Equal(t, e, again)
	})
}
