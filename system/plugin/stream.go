package plugin

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync"
)

// streamRoom is how many messages wait on each side of a stream.
const streamRoom = 64

// duplex is a stream between a caller and an instance. It has ended when over is closed.
type duplex struct {
	ctx  context.Context // the caller's
	to   chan Message    // the plugin
	from chan Message    // the plugin

	// What may be sent, as the instance says before the stream begins.
	most    int
	handles []string

	sent     chan struct{} // closed when the caller sends no more
	sendOnce sync.Once
	over     chan struct{}
	overOnce sync.Once
	err      error // set before over is closed
}

func newDuplex(ctx context.Context) *duplex {
	return &duplex{
		ctx: ctx, to: make(chan Message, streamRoom), from: make(chan Message, streamRoom),
		sent: make(chan struct{}), over: make(chan struct{}),
	}
}

// end ends the stream, once: what the plugin has sent can still be received, and then err, or [io.EOF].
func (d *duplex) end(err error) {
	d.overOnce.Do(func() {
		if err == nil {
			err = io.EOF
		}

		d.err = err
		close(d.over)
	})
}

// shut says that the plugin gets no more messages.
func (d *duplex) shut() { d.sendOnce.Do(func() { close(d.sent) }) }

// HostStream is the host's side of a stream to a plugin; one goroutine may send while another receives. It ends with
// the context it was opened with, which has to end: the stream keeps a slot of the plugin until then. The zero
// HostStream has ended.
type HostStream struct{ of *duplex }

// closed reports whether it is the zero HostStream, or nil.
func (s *HostStream) closed() bool { return s == nil || s.of == nil }

// Send sends a message. It blocks while the plugin is behind. The error is a [*SizeError], [ErrUnhandled],
// [io.ErrClosedPipe] after CloseSend or when the plugin is being stopped, or why the stream has ended.
func (s *HostStream) Send(m Message) error {
	if s.closed() {
		return io.ErrClosedPipe
	}

	d := s.of

	switch {
	case len(m.Payload) > d.most:
		return &SizeError{len(m.Payload), d.most}
	case !slices.Contains(d.handles, m.Type):
		return ErrUnhandled
	}

	select {
	case <-d.sent:
		return io.ErrClosedPipe
	default:
	}

	select {
	case d.to <- m:
		return nil
	case <-d.sent:
		return io.ErrClosedPipe
	case <-d.over:
		return d.err
	case <-d.ctx.Done():
		return d.ctx.Err()
	}
}

// CloseSend says that there is no more to send. The plugin answers what it has, and ends the stream.
func (s *HostStream) CloseSend() {
	if !s.closed() {
		s.of.shut()
	}
}

// Recv returns the plugin's next message. The error is [io.EOF] if the plugin has ended the stream, an
// [*InstanceError] if its instance was given up, and then what was sent and not answered may have been handled or not;
// a [*CallError] if the plugin has ended it with an error; or the context's.
func (s *HostStream) Recv() (Message, error) {
	if s.closed() {
		return Message{}, io.EOF
	}

	d := s.of

	select {
	case m := <-d.from:
		return m, nil
	default:
	}

	select {
	case m := <-d.from:
		return m, nil
	case <-d.over:
	case <-d.ctx.Done():
		return Message{}, d.ctx.Err()
	}

	select {
	case m := <-d.from: // sent before the end
		return m, nil
	default:
		return Message{}, d.err
	}
}

// pluginSide is the plugin's side of a stream in the host's process.
type pluginSide struct {
	of   *duplex
	ctx  context.Context
	most int
}

// Recv implements [Stream].
func (s pluginSide) Recv() (Message, error) {
	select {
	case m := <-s.of.to:
		return m, nil
	default:
	}

	select {
	case m := <-s.of.to:
		return m, nil
	case <-s.of.sent:
	case <-s.ctx.Done():
		return Message{}, s.ctx.Err()
	}

	select {
	case m := <-s.of.to: // sent before the end
		return m, nil
	default:
		return Message{}, io.EOF
	}
}

// Send implements [Stream].
func (s pluginSide) Send(m Message) error {
	if err := m.fits(s.most); err != nil {
		return err
	}

	select {
	case s.of.from <- m:
		return nil
	case <-s.ctx.Done():
		return s.ctx.Err()
	}
}

// echo serves a stream for a plugin that has no Stream of its own: it answers each message in its turn.
func echo(ctx context.Context, p Plugin, s Stream) error {
	for {
		m, err := s.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}

		if err != nil {
			return err
		}

		if m, err = p.Handle(ctx, m); err != nil {
			return err
		}

		if err := s.Send(m); err != nil {
			return err
		}
	}
}
