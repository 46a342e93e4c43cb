package files

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// DefaultMaxLine is how many bytes a line can have if LineOptions.MaxLine is 0: 1 MiB.
const DefaultMaxLine = 1 << 20

// LineOptions configure a source of lines. The zero value reads the text once, from its beginning to its end.
type LineOptions struct {
	// OffsetFile is the path of the file in which the offset is kept. A source that is opened goes on where that says.
	// It is replaced in one step and is on disk before a commit returns. One source at a time can use it. "" means that
	// no offset is kept.
	OffsetFile string
	// MaxLine is how many bytes a line can have at most, not counting its ending. So much memory is used. 0 means
	// [DefaultMaxLine].
	MaxLine int
	// Long says what becomes of longer lines.
	Long LongLines
	// Changed says what becomes of a file that is not the one it was: shorter than the offset, or with another
	// beginning, or, if it is followed, with another file in its place.
	Changed Changed
	// Follow, if it is not 0, is how long to wait at the end of a file before looking for more. So the source has no end;
	// a last line is handed out when it is complete. For [Lines] only.
	Follow time.Duration
}

// Changed says what becomes of a file that is not the one it was.
type Changed int

const (
	// RefuseChanged is the zero value: it is a failure of the source, a [*ChangedError].
	RefuseChanged Changed = iota
	// StartOver: the file in place is read from its beginning. A file that was followed until another took its place is
	// read to its end before; one that was replaced while nobody followed it is not.
	StartOver
)

func (o LineOptions) validate(follows bool) error {
	var errs []error

	if o.MaxLine < 0 {
		errs = append(errs, fmt.Errorf("files.LineOptions.MaxLine: %d is negative, must be from 1, or 0 for %d",
			o.MaxLine, DefaultMaxLine))
	}

	if o.Long < RefuseLong || o.Long > CutLong {
		errs = append(errs, fmt.Errorf("files.LineOptions.Long: there is no policy %d", o.Long))
	}

	if o.Changed < RefuseChanged || o.Changed > StartOver {
		errs = append(errs, fmt.Errorf("files.LineOptions.Changed: there is no policy %d", o.Changed))
	}

	switch {
	case o.Follow < 0:
		errs = append(errs, fmt.Errorf("files.LineOptions.Follow: %v is negative", o.Follow))
	case o.Follow > 0 && !follows:
		errs = append(errs, errors.New("files.LineOptions.Follow: only a file of files.Lines can be followed"))
	}

	return errors.Join(errs...)
}

// LineSource is a source of lines. Its items are numbered by the pipeline, and its offset is that of the first byte
// behind the lines that are done. It implements pipeline.Source and pipeline.Committer.
type LineSource struct {
	name    string
	options LineOptions
	opens   func() (input, error)

	// The following are for who opens, pulls and closes.
	in    input
	text  *splitter
	at    place // where the next line begins
	begun bool  // at is known
	stage stage

	kept kept[place]
}

// stage is how far a source is with its input.
type stage int

const (
	reading stage = iota // there may be more
	leaving              // another file is in its place, and there may be more in this one
	ended                // nothing more will be read of it
)

// Lines makes a source of the lines of a regular file.
//
// With an offset file a restart goes on behind the lines that were done, and hands out again those that were not. The
// file is known by its first KiB: if that differs from what was read before, or the file is shorter than the offset, it
// was replaced or truncated, and LineOptions.Changed decides. A file that begins with the same KiB and is no shorter is
// not told from the one before.
//
// A last line without a line feed is a line; if it grows later, the rest of it is another.
//
// For each line that is not committed, 24 bytes are kept.
func Lines(path string, options LineOptions) *LineSource {
	return &LineSource{name: path, options: options, opens: func() (input, error) { return openFile(path) }}
}

// Stream makes a source of the lines of what open returns, for example the standard input, or a file as it is
// decompressed. With an offset file, what was done is read again and dropped, so the stream has to begin at the same
// place every time.
//
// Each Open of the source calls open, and each Close closes what it returned. That is read by one goroutine, so that
// Pull returns when its context ends; Close waits until the last Read has returned, which closing the stream should
// bring about. If it does not, as with a standard input that is a terminal, Close returns an error when its context
// ends, and the goroutine stays until that Read returns.
func Stream(open func() (io.ReadCloser, error), options LineOptions) *LineSource {
	return &LineSource{name: "stream", options: options, opens: func() (input, error) { return openStream(open) }}
}

// Open finds the place where the source goes on. It waits for the file system, or the stream.
func (s *LineSource) Open(ctx context.Context) error {
	if err := s.check(); err != nil {
		return err
	}

	if !s.begun {
		if err := s.restore(); err != nil {
			return err
		}
	}

	if err := s.start(ctx); err != nil {
		return errors.Join(err, s.Close(ctx))
	}

	return nil
}

func (s *LineSource) check() error {
	err := s.options.validate(s.name != "stream")
	if s.name == "" {
		err = errors.Join(err, errors.New("files.Lines: the path is empty"))
	}

	return err
}

// restore takes the place that was saved.
func (s *LineSource) restore() error {
	s.at = place{text: new(text)}

	if s.options.OffsetFile != "" {
		p, err := loadPlace(s.options.OffsetFile)
		if err != nil {
			return err
		}

		s.at = p
	}

	s.begun = true

	return nil
}

// start opens the input and goes to the place.
func (s *LineSource) start(ctx context.Context) error {
	err := s.reach(ctx)
	if c, is := errors.AsType[*ChangedError](err); is {
		return s.changed(ctx, c.Why)
	}

	return err
}

// over begins at the beginning of the file that is in place now.
func (s *LineSource) over(ctx context.Context) error {
	if err := s.Close(ctx); err != nil {
		return err
	}

	s.at = place{text: new(text)}

	return s.reach(ctx)
}

// reach opens the input and goes to the place, if the text is the one it was.
func (s *LineSource) reach(ctx context.Context) (err error) {
	s.text, s.stage = newSplitter(cmp.Or(s.options.MaxLine, DefaultMaxLine)), reading

	in, err := s.opens()
	if err == nil {
		s.in = in
		err = s.find(ctx)
	}

	if err != nil {
		return fmt.Errorf("files: %s: %w", s.name, err)
	}

	return nil
}

// find goes to the place in the input.
func (s *LineSource) find(ctx context.Context) error {
	head := make([]byte, min(headSize, s.at.offset))
	if err := readFull(ctx, s.in, head); err != nil {
		return err
	}

	if !s.at.text.begin(head) {
		return &ChangedError{Why: "its beginning is not what was read of it"}
	}

	return s.in.skip(ctx, s.at.offset-int64(len(head)))
}

// Pull hands out lines.
func (s *LineSource) Pull(ctx context.Context, items []Line) (int, error) {
	if s.in == nil {
		return 0, fmt.Errorf("files: %s: %w", s.name, os.ErrClosed)
	}

	for ctx.Err() == nil {
		n, err := s.take(items)
		if n > 0 || err != nil {
			return n, err
		}

		switch {
		case s.stage != ended:
			err = s.fill(ctx)
		case s.options.Follow == 0:
			err = io.EOF
		default:
			err = s.changed(ctx, "another file is in its place")
		}

		if err != nil {
			return 0, err
		}
	}

	return 0, io.EOF
}

// take writes the lines that are read. A line that is too long is an error when nothing is before it.
func (s *LineSource) take(items []Line) (n int, err error) {
	for n < len(items) {
		f, ok := s.text.next(s.stage == ended)

		switch {
		case !ok && !s.text.long():
			return n, nil
		case s.options.Long == RefuseLong && (!ok || f.long):
			if ok {
				s.text.back(f) // so that it is found again
			}

			return n, s.tooLong(n)
		case !ok:
			s.text.cut()

			return n, nil
		}

		items[n] = Line{Text: string(f.text), Number: s.at.line + 1, Offset: s.at.offset, Cut: f.long}
		s.at.offset += f.size
		s.at.line++
		s.kept.add(s.at)

		n++
	}

	return n, nil
}

func (s *LineSource) tooLong(before int) error {
	if before > 0 {
		return nil // the next Pull finds it
	}

	return &LongLineError{Name: s.name, Number: s.at.line + 1, Offset: s.at.offset, Max: s.text.max}
}

// fill reads on, or finds that there is no more.
func (s *LineSource) fill(ctx context.Context) error {
	room := s.text.room()
	n, err := s.in.read(ctx, room)

	s.at.text.grow(room[:n])
	s.text.filled(n)

	switch {
	case n > 0 || err == nil: // an error comes again
		return nil
	case ctx.Err() != nil:
		return nil //nolint:nilerr // Pull looks
	case !errors.Is(err, io.EOF):
		return fmt.Errorf("files: %s: %w", s.name, err)
	case s.options.Follow == 0 || s.stage == leaving:
		s.stage = ended

		return nil
	default:
		return s.follow(ctx)
	}
}

// follow is at the end of the file, and looks what has become of it, or waits.
func (s *LineSource) follow(ctx context.Context) error {
	now, err := s.in.look()

	switch {
	case err != nil:
		return fmt.Errorf("files: %s: %w", s.name, err)
	case now == shorter:
		return s.changed(ctx, "it is shorter than what was read of it")
	case now == replaced:
		s.stage = leaving // what was written before it was replaced, and after it was read, is read still

		return nil
	}

	wait := time.NewTimer(s.options.Follow)
	defer wait.Stop()

	select {
	case <-wait.C:
	case <-ctx.Done(): // Pull looks
	}

	return nil
}

// changed does what is to be done about a file that is not the one it was.
func (s *LineSource) changed(ctx context.Context, why string) error {
	if s.options.Changed == RefuseChanged {
		return &ChangedError{Name: s.name, Why: why}
	}

	return s.over(ctx)
}

// Commit keeps the offset behind the first done lines, on disk when it returns.
func (s *LineSource) Commit(_ context.Context, done uint64) error {
	return s.kept.commit(done, s.options.OffsetFile, func(p place) any { return p.saved() })
}

// Close closes the file or stream.
func (s *LineSource) Close(ctx context.Context) error {
	if s.in == nil {
		return nil
	}

	err := s.in.close(ctx)
	s.in = nil

	if err != nil {
		return fmt.Errorf("files: %s: %w", s.name, err)
	}

	return nil
}
