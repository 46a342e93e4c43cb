package pipeline_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/actors/pipeline"
	"github.com/troupe-go/troupe/internal/nastytest"
	"github.com/troupe-go/troupe/supervision"
	"github.com/troupe-go/troupe/system"
)

// nasty runs a test with the errors that do most harm to those who look at them.
func nasty(t *testing.T, test func(t *testing.T, err error)) {
	t.Helper()

	for name, err := range nastytest.Errors(errOdd) {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { test(t, err) })
		})
	}
}

// sour is a source and a sink whose hooks return errors.
type sour struct {
	open, pull, write, ack, shut error

	begin          chan struct{} // closed when it may hand out something; nil if it may at once
	opened, pulled int
}

func (s *sour) Open(context.Context) error {
	s.opened++

	return s.open
}

func (s *sour) Pull(context.Context, []int) (int, error) {
	if s.begin != nil {
		<-s.begin
	}

	s.pulled++
	if s.pulled == 1 {
		return 1, s.pull
	}

	return 0, eof
}

func (s *sour) Write(context.Context, []int) error                { return s.write }
func (s *sour) Acknowledge(context.Context, []pipeline.Ack) error { return s.ack }
func (s *sour) Close(context.Context) error                       { return s.shut }
func (s *sour) line(name string, stage pipeline.Stage) *pipeline.Pipeline {
	p := pipeline.New(name, options())
	pipeline.To[int](pipeline.From[int](p, "from", s), "to", s, stage)

	return p
}

func TestWhatRefusesToOpenMaySayANastyError(t *testing.T) {
	nasty(t, func(t *testing.T, err error) {
		for _, s := range []*sour{{open: err}, {open: err, shut: err}} {
			_, got := system.Start(t.Context(), supervision.Tree{
				Name: "app", Budget: budget, Children: []supervision.Child{s.line("p", pipeline.Stage{})},
			}, quiet())
			require.Error(t, got)
			assert.Contains(t, got.Error(), "/app/p/from: must open, but refuses to: ")
			assert.Contains(t, got.Error(), "/app/p/to: must open, but refuses to: ")
			assert.Equal(t, 2, s.opened)
		}
	})
}

// The second of two pipelines is tried when the first does not open, and closed again.
func TestATrialMayFailToCloseOfANastyError(t *testing.T) {
	nasty(t, func(t *testing.T, err error) {
		_, got := system.Start(t.Context(), supervision.Tree{
			Name: "app", Budget: budget,
			Children: []supervision.Child{
				(&sour{open: err}).line("p", pipeline.Stage{}), (&sour{shut: err}).line("q", pipeline.Stage{}),
			},
		}, quiet())
		require.Error(t, got)
		assert.Contains(t, got.Error(), "/app/q/from: Close: ")
	})
}

func TestAPipelineMayFailOfANastyError(t *testing.T) {
	for name, made := range map[string]func(err error) (*sour, pipeline.Stage){
		"item": func(err error) (*sour, pipeline.Stage) { return &sour{write: err}, pipeline.Stage{} },
		"retried": func(err error) (*sour, pipeline.Stage) {
			return &sour{write: err}, pipeline.Stage{Retry: pipeline.Retry{Max: 2}}
		},
		"whole": func(err error) (*sour, pipeline.Stage) {
			return &sour{write: err}, pipeline.Stage{Failed: pipeline.FailPipeline()}
		},
		"pull":  func(err error) (*sour, pipeline.Stage) { return &sour{pull: err}, pipeline.Stage{} },
		"ack":   func(err error) (*sour, pipeline.Stage) { return &sour{ack: err}, pipeline.Stage{} },
		"close": func(err error) (*sour, pipeline.Stage) { return &sour{shut: err}, pipeline.Stage{} },
	} {
		t.Run(name, func(t *testing.T) {
			nasty(t, func(t *testing.T, err error) {
				s, stage := made(err)
				s.begin = make(chan struct{})
				sys := start(t, s.line("p", stage))

				close(s.begin)

				synctest.Wait()

				r, _ := sys.Shutdown(context.WithoutCancel(t.Context())) // it may have failed
				require.Zero(t, r.Unaccounted)

				var text strings.Builder

				_, printed := r.WriteTo(&text)
				require.NoError(t, printed)

				if name == "whole" {
					assert.Contains(t, text.String(), "/app/p/to: the pipeline has failed: ")
				}
			})
		})
	}
}
