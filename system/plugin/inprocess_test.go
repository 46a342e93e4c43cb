package plugin_test

import (
	"context"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/system/plugin"
)

// sore is a plugin that does something wrong wherever it is called, if that is the place.
type sore struct {
	at     string
	wrong  func()
	asked  bool // for its health
	answer plugin.Message
}

func (s *sore) here(place string) {
	if s.at == place {
		s.wrong()
	}
}

func (s *sore) Manifest() plugin.Manifest {
	s.here("Manifest")

	if s.at == "garbage" {
		return plugin.Manifest{Name: "\x00", Version: "one", Handles: []string{""}}
	}

	return manifest("geo", "1.0.0")
}

func (s *sore) Start(context.Context, plugin.Session) error { s.here("Start"); return nil }
func (s *sore) Drain(context.Context) error                 { s.here("Drain"); return nil }
func (s *sore) Stop(context.Context) error                  { s.here("Stop"); return nil }

func (s *sore) Handle(context.Context, plugin.Message) (plugin.Message, error) {
	s.here("Handle")

	return s.answer, nil
}

func (s *sore) Stream(_ context.Context, with plugin.Stream) error {
	s.here("Stream")

	return with.Send(s.answer)
}

func (s *sore) Health(context.Context) error {
	if s.asked {
		s.here("Health")
	} else {
		s.here("the first Health")
	}

	s.asked = true

	return nil
}

// TestMatrixInProcess goes through all that a plugin in the host's process can do wrong and that can be contained
// there: it panics, ends its goroutine or hangs, in each of its callbacks; it says or answers what it should not; it
// takes too long to start. What is looked at is that of TestMatrix, but for processes.
func TestMatrixInProcess(t *testing.T) {
	type cell struct {
		says   string         // why it is quarantined; empty if it is not
		told   func(s *books) // what comes of the calls and streams; nil if all are answered
		report string         // what the report of the shutdown says is wrong
	}

	quarantined := func(s *books) { *s = books{} }
	lostCall := func(s *books) { *s = books{Calls: 3, Answered: 1, Lost: 2} } // the first stream is the second instance's
	deeds := map[string]struct {
		do   func(leave chan struct{})
		says string
	}{
		"panic":  {func(chan struct{}) { panic("at the disco") }, "panic: at the disco"},
		"Goexit": {func(chan struct{}) { runtime.Goexit() }, "runtime.Goexit"},
		"hang":   {func(leave chan struct{}) { <-leave }, ""},
	}
	cells := make(map[string]cell)

	for deed, of := range deeds {
		for _, at := range []string{"the factory", "Manifest", "Start", "the first Health"} {
			says := "not started: " + of.says
			if deed == "hang" {
				says = "not started: no answer within 1m0s"
			}

			cells[deed+" in "+at] = cell{says: says, told: quarantined}
		}
	}

	for _, deed := range []string{"panic", "Goexit"} {
		cells[deed+" in Handle"] = cell{says: "panicked: " + deeds[deed].says, told: lostCall}
		cells[deed+" in Stream"] = cell{says: "panicked: " + deeds[deed].says, told: func(s *books) {
			*s = books{Calls: 4, Answered: 2, Lost: 2}
		}}
		cells[deed+" in Health"] = cell{says: "panicked: " + deeds[deed].says}
		cells[deed+" in Drain"] = cell{report: deeds[deed].says}
		cells[deed+" in Stop"] = cell{report: deeds[deed].says}
	}

	cells["hang in Handle"] = cell{says: "hung: no answer within 1m1s", told: func(s *books) {
		*s = books{Calls: 4, Answered: 2, Late: 2}
	}}
	cells["hang in Stream"] = cell{says: "hung: a stream has not ended", told: func(s *books) {
		*s = books{Calls: 4, Answered: 2, Lost: 2}
	}}
	cells["hang in Health"] = cell{says: "hung: no answer to the health check"}
	cells["hang in Drain"] = cell{report: "flush did not finish"}
	cells["hang in Stop"] = cell{report: "close did not finish"}
	cells["slow in Start"] = cell{says: "not started: no answer within 1m0s", told: quarantined}
	cells["nonsense in garbage"] = cell{says: "not started: manifest.name", told: quarantined}
	cells["oversized in an answer"] = cell{told: func(s *books) { *s = books{Calls: 6, Failed: 6} }}
	cells["mistyped in an answer"] = cell{told: func(s *books) { *s = books{Calls: 6, Failed: 6} }}

	for name, of := range cells {
		bubble(t, name, func(t *testing.T) {
			deed, at, _ := strings.Cut(name, " in ")
			leave := make(chan struct{})
			p := sore{at: at, answer: line("a"), wrong: func() {
				if deed == "slow" {
					<-time.After(2 * time.Minute)
				} else {
					deeds[deed].do(leave)
				}
			}}

			switch deed {
			case "oversized":
				p.answer.Payload = make([]byte, 1<<16+1)
			case "mistyped":
				p.answer.Type = strings.Repeat("x", plugin.MaxName+1)
			}

			spec := brief()
			spec.Breaker.Failures = -1

			s := slot(t, plugin.InProcess(func() plugin.Plugin {
				c := p
				c.here("the factory")

				return &c
			}), spec)
			h := start(t, s)
			geo := s.From(h.sys.Intake())

			for range 3 {
				h.beats()
				_, _ = geo.Call(t.Context(), line("a")) // what callers are told is in the counts
				streamOnce(t, geo)
				<-time.After(3 * time.Minute)
				synctest.Wait()
			}

			want := books{Calls: 6, Answered: 6}
			if of.told != nil {
				of.told(&want)
			}

			st := status(t, geo)
			if of.says == "" {
				require.NoError(t, st.Quarantined)
			} else {
				require.ErrorContains(t, st.Quarantined, of.says)
			}

			if at != "Health" { // which goes wrong by the clock
				want.balance(t, st.Stats)
			}

			assert.LessOrEqual(t, st.Stats.Instances, uint64(2))
			h.wellKnown(st)
			h.beats()

			r := h.end()
			if of.report != "" {
				require.ErrorContains(t, r.Err(), of.report)
			}

			close(leave)
			synctest.Wait()
		})
	}
}

// streamOnce opens a stream, takes what it brings, and leaves.
func streamOnce(t testing.TB, geo *plugin.Handle) {
	t.Helper()

	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()

	st, err := geo.Stream(ctx)
	for err == nil {
		_, err = st.Recv()
	}

	known := errors.Is(err, io.EOF) || errors.Is(err, context.DeadlineExceeded) ||
		errors.As(err, new(*plugin.InstanceError)) || errors.As(err, new(*plugin.QuarantinedError)) ||
		errors.As(err, new(*plugin.CallError))
	assert.True(t, known, "%v", err)
}
