package system_test

import (
	"bytes"
	"context"
	"log/slog"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/supervision"
	"github.com/troupe-go/troupe/system"
)

// log is a text log that a test can read while it is written.
type log struct {
	slog.Handler

	mu   sync.Mutex
	text bytes.Buffer
}

// logging are options with a log of what is at least of a level.
func logging(level slog.Level) (system.Options, *log) {
	l := &log{}
	l.Handler = slog.NewTextHandler(&l.text, &slog.HandlerOptions{Level: level})
	options := silent()
	options.Logger = slog.New(l)

	return options, l
}

func (l *log) Handle(ctx context.Context, r slog.Record) error {
	l.mu.Lock()
	defer l.mu.Unlock()

	return l.Handler.Handle(ctx, r)
}

// lines returns the lines logged so far that contain something, without their times.
func (l *log) lines(with string) (lines []string) {
	l.mu.Lock()
	defer l.mu.Unlock()

	for line := range strings.Lines(l.text.String()) {
		if _, line, _ = strings.Cut(strings.TrimSpace(line), " "); strings.Contains(line, with) {
			lines = append(lines, line)
		}
	}

	return lines
}

// notLogged returns how many events the lines say were left out.
func notLogged(lines []string) (n int) {
	for _, line := range lines {
		if m := regexp.MustCompile(`not_logged=(\d+)`).FindStringSubmatch(line); m != nil {
			left, _ := strconv.Atoi(m[1])
			n += left
		}
	}

	return n
}

func TestTheLogOfDeadLettersIsRateLimited(t *testing.T) {
	virtual(t, func(t *testing.T) {
		options, log := logging(slog.LevelWarn)
		s, a := failing(t, options)

		for range 1000 {
			tell(t, s, a, broken)
		}

		synctest.Wait()
		<-time.After(999 * time.Millisecond)
		tell(t, s, a, broken)
		synctest.Wait()
		assert.Len(t, log.lines("msg=dead-lettered"), 10, "ten at once")

		<-time.After(time.Millisecond)
		tell(t, s, a, broken)
		synctest.Wait()

		letters := log.lines("msg=dead-lettered")
		assert.Len(t, letters, 11, "then one a second")
		assert.Equal(t, 1002-11, notLogged(letters))
		assert.Contains(t, letters[1], "level=WARN msg=dead-lettered actor=/test/a reason=failed error=broken")

		tell(t, s, a, broken)

		_, err := stop(t, s)
		require.NoError(t, err)
		assert.Len(t, log.lines("dead-lettered"), 12)
		assert.Contains(t, log.lines("dead-lettered")[11], `msg="events not logged" kind=dead-lettered not_logged=1`)
	})
}

func TestAFloodOfOneKindDoesNotDrownAnother(t *testing.T) {
	virtual(t, func(t *testing.T) {
		hold := make(chan struct{})
		options, log := logging(slog.LevelWarn)
		log.Handler = waiting{log.Handler, hold}

		temporary := supervision.Spec{Restart: supervision.Temporary}
		fragile := declare(&probe{name: "fragile"}, temporary)
		resumes := declare(&probe{name: "resumes"}, supervision.Spec{Decide: decide})
		s := start(t, tree(fragile, resumes), options)

		for range 10_000 {
			tell(t, s, resumes, func(*ctxOf) error { return errResume })
		}

		tell(t, s, fragile, broken)
		synctest.Wait()
		close(hold)
		synctest.Wait()
		assert.Len(t, log.lines("actor=/test/fragile"), 1)
		assert.Contains(t, log.lines("actor=/test/fragile")[0], "msg=failed")

		_, err := stop(t, s)
		require.NoError(t, err)
		assert.LessOrEqual(t, len(log.lines("")), 30)
		assert.Equal(t, 10_000, notLogged(log.lines("resumed"))+len(log.lines("msg=resumed")))
	})
}

// waiting is a handler that is held up.
type waiting struct {
	slog.Handler

	until <-chan struct{}
}

func (w waiting) Handle(ctx context.Context, r slog.Record) error {
	<-w.until

	return w.Handler.Handle(ctx, r)
}

func TestAFailureAndItsRestartAreOneLine(t *testing.T) {
	virtual(t, func(t *testing.T) {
		options, log := logging(slog.LevelDebug)
		a := declare(&probe{name: "a"}, supervision.Spec{Backoff: immediately})
		b := declare(&probe{name: "b"}, supervision.Spec{Restart: supervision.Temporary})
		c := declare(&probe{name: "c", closes: func(context.Context) error {
			<-time.After(time.Second)

			return nil
		}}, supervision.Spec{Backoff: immediately})
		s := start(t, tree(a, b, c), options)

		tell(t, s, a, broken)
		tell(t, s, b, broken)
		synctest.Wait()
		tell(t, s, c, broken)
		<-time.After(time.Minute)
		assert.Equal(t, []string{
			"level=DEBUG msg=started actor=/test/a incarnation=1",
			"level=WARN msg=dead-lettered actor=/test/a reason=failed error=broken",
			"level=WARN msg=restarting actor=/test/a incarnation=1 delay=0s budget_left=2 error=broken",
			"level=DEBUG msg=started actor=/test/a incarnation=2",
		}, log.lines("/test/a"))
		assert.Equal(t, []string{
			"level=DEBUG msg=started actor=/test/b incarnation=1",
			"level=WARN msg=dead-lettered actor=/test/b reason=failed error=broken",
			"level=WARN msg=failed actor=/test/b incarnation=1 error=broken",
			"level=DEBUG msg=stopped actor=/test/b incarnation=1",
		}, log.lines("/test/b"))
		assert.Equal(t, []string{
			"level=DEBUG msg=started actor=/test/c incarnation=1",
			"level=WARN msg=dead-lettered actor=/test/c reason=failed error=broken",
			"level=WARN msg=failed actor=/test/c incarnation=1 error=broken",
			"level=WARN msg=restarting actor=/test/c incarnation=1 delay=0s budget_left=1 error=broken",
			"level=DEBUG msg=started actor=/test/c incarnation=2",
		}, log.lines("/test/c"), "who fails slowly is not waited for")

		_, err := stop(t, s)
		require.NoError(t, err)
	})
}

func TestWhatLedToAnEndIsLoggedBeforeIt(t *testing.T) {
	virtual(t, func(t *testing.T) {
		options, log := logging(slog.LevelWarn)
		a := declare(&probe{name: "a", flush: func(context.Context) error { return errBroken }},
			supervision.Spec{Backoff: immediately})
		b := declare(&probe{name: "b", flush: func(context.Context) error { return errBroken }}, supervision.Spec{})
		fragile := tree(a, b)
		fragile.Budget.Restarts = 0
		s := start(t, fragile, options)

		tell(t, s, a, broken)
		<-s.Done()
		assert.Equal(t, []string{
			"level=WARN msg=dead-lettered actor=/test/a reason=failed error=broken",
			"level=WARN msg=failed actor=/test/a incarnation=1 error=broken",
			`level=ERROR msg="gave up" actor=/test error="/test: restart budget exhausted: more than 0 restarts within ` +
				`10s; last failure: /test/a: broken"`,
			`level=WARN msg="hook failed" actor=/test/b incarnation=1 step=flush error=broken`,
		}, log.lines(""))
	})
}

func TestManyFailuresAtOnceGiveABoundedNumberOfLines(t *testing.T) {
	virtual(t, func(t *testing.T) {
		const actors = 500

		options, log := logging(slog.LevelDebug)
		children := make([]supervision.Child, actors)

		for i := range children {
			children[i] = declare(&probe{name: "a" + strconv.Itoa(i)}, supervision.Spec{Restart: supervision.Temporary})
		}

		s := start(t, tree(children...), options)

		for _, c := range children {
			if a, ok := c.(*child); ok {
				tell(t, s, a, broken)
			}
		}

		<-time.After(time.Minute)

		_, err := stop(t, s)
		require.NoError(t, err)

		for _, kind := range []string{"started", "dead-lettered", "failed", "stopped"} {
			lines := log.lines("msg=" + kind)
			left := log.lines("kind=" + kind)
			all := actors

			if kind == "started" || kind == "stopped" {
				all++ // the root
			}

			assert.LessOrEqual(t, len(lines), 11, kind)
			assert.Equal(t, all, len(lines)+notLogged(lines)+notLogged(left), kind)
		}
	})
}

func TestNobodyIsToldHowManyEventsOfALevelThatIsOffWereLeftOut(t *testing.T) {
	virtual(t, func(t *testing.T) {
		options, log := logging(slog.LevelInfo)
		events := system.NewEvents(options)

		for range 1000 {
			events.Put(supervision.Event{Kind: supervision.Started, Time: time.Now()})
		}

		require.Empty(t, events.Close())
		assert.Empty(t, log.lines(""))
		assert.Equal(t, uint64(1000), events.Count(supervision.Started))
	})
}
