package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/examples/ingest/traffic"
	"github.com/troupe-go/troupe/system"
	"github.com/troupe-go/troupe/system/plugin"
)

// seed makes the access log, which is that of the example ingest.
const seed = 1

// work gives every plugin its lines, all side by side, while the probe asks, and prints what has come of it.
func work(
	ctx context.Context, sys *system.System, counter actors.Ref[question], slots []*plugin.Slot, lines int,
	stdout io.Writer,
) error {
	var (
		drivers sync.WaitGroup
		stories = make([]story, len(slots))
		probing = begin(ctx, sys, counter)
	)

	for i, s := range slots {
		drivers.Go(func() { stories[i] = drive(ctx, s.From(sys.Intake()), lines) })
	}

	drivers.Wait()

	probed := probing()

	w := tabwriter.NewWriter(stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "PLUGIN\tPROTOCOL\tCALLS\tENRICHED\tINVALID\tLATE\tLOST\tREFUSED\tINSTANCES\tHOW IT WAS CONTAINED")

	errs := append(make([]error, 0, 2*len(slots)+2), probed.err)

	for i, s := range slots {
		h := s.From(sys.Intake())

		st, err := h.Status(ctx)
		if err == nil && st.Stats.Unaccounted() != 0 {
			err = fmt.Errorf("plugin %s: calls are unaccounted for: %+v", st.Name, st.Stats)
		}

		errs = append(errs, err, stories[i].err)
		n := st.Stats

		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%s\n", st.Name, st.Session.Protocol,
			n.Calls, n.Answered, n.Invalid, n.Late, n.Lost, n.Refused, n.Instances, how(st, stories[i]))
	}

	errs = append(errs, w.Flush())

	if last := stories[0].sample; last != "" {
		fmt.Fprintln(stdout, "a line as it comes back:", last)
	}

	fmt.Fprintf(stdout, "the host answered %d times meanwhile, after %v at the latest, and was ready each time\n",
		probed.answers, probed.slowest.Round(time.Microsecond))

	return errors.Join(errs...)
}

// how says how a plugin was contained.
func how(st plugin.Status, s story) string {
	switch {
	case st.Quarantined != nil:
		return first(st.Quarantined.Error())
	case s.flood > 0:
		return fmt.Sprintf("a stream, sent as fast as it was read: %d lines", s.flood)
	case st.LastFailure != nil:
		return "restarted: " + first(st.LastFailure.Error())
	default:
		return "nothing to contain"
	}
}

// first returns the first line of a text.
func first(text string) string {
	for i, r := range text {
		if r == '\n' {
			return text[:i]
		}
	}

	return text
}

// story is what has happened to the lines of a plugin.
type story struct {
	flood  int    // lines that a stream brought
	sample string // the last of its lines, enriched
	err    error  // that should not be
}

// drive gives a plugin its lines, until it has had all or is out of use.
func drive(ctx context.Context, h *plugin.Handle, lines int) (s story) {
	st, err := h.Status(ctx)
	if err != nil {
		return story{err: err}
	}

	if st.Name == "floods" {
		return flood(ctx, h, lines)
	}

	for i := range lines {
		line := traffic.Line(seed, uint64(i))

		answer, err := h.Call(ctx, plugin.Message{Type: lineType, Payload: []byte(line)})

		switch {
		case errors.As(err, new(*plugin.QuarantinedError)):
			return s
		case ctx.Err() != nil:
			return story{err: ctx.Err()}
		case err != nil: // is counted
		case !strings.HasPrefix(string(answer.Payload), line+classIs):
			return story{err: fmt.Errorf("plugin %s: answered %q with %q", st.Name, line, answer.Payload)}
		default:
			s.sample = string(answer.Payload)
		}
	}

	return s
}

// flood sends one line and takes as many as there are lines of what comes back.
func flood(ctx context.Context, h *plugin.Handle, lines int) (s story) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()

	stream, err := h.Stream(ctx)
	if err != nil {
		return story{err: err}
	}

	if err := stream.Send(plugin.Message{Type: lineType, Payload: []byte(traffic.Line(seed, 0))}); err != nil {
		return story{err: err}
	}

	for range lines {
		if _, err := stream.Recv(); err != nil {
			s.err = err

			return s
		}

		s.flood++
	}

	return s
}

// probed is what the probe has found.
type probed struct {
	answers int
	slowest time.Duration
	err     error
}

// begin starts the probe: again and again it asks the host's own actor, and whether the host is ready. What is returned
// ends it.
func begin(ctx context.Context, sys *system.System, counter actors.Ref[question]) (end func() probed) {
	ctx, cancel := context.WithCancel(ctx)
	result := make(chan probed, 1)

	go func() {
		var p probed

		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()

		for ctx.Err() == nil && p.err == nil {
			p.ask(ctx, sys, counter)

			select {
			case <-tick.C:
			case <-ctx.Done():
			}
		}

		result <- p
	}()

	return func() probed {
		cancel()

		return <-result
	}
}

// ask asks once.
func (p *probed) ask(ctx context.Context, sys *system.System, counter actors.Ref[question]) {
	began := time.Now()

	_, err := actors.Ask(ctx, counter, func(q question) question { return q })

	switch {
	case ctx.Err() != nil:
		return
	case err != nil:
		p.err = err
	case !sys.Health(ctx).Ready() && ctx.Err() == nil:
		p.err = errors.New("the host was not ready")
	default:
		p.answers++
		p.slowest = max(p.slowest, time.Since(began))
	}
}
