package system

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// conclude makes the report, once everything has ended, and lets go whoever waits.
func (s *System) conclude() {
	c := s.conductor
	c.intake.End()

	errs := c.dismiss()

	c.looking.Wait()

	r := s.makeReport()

	for _, err := range errs {
		r.fail(err)
	}

	s.report = r
	c.protoactor.Shutdown()

	if f := s.options.OnReport; f != nil {
		r.fail(tell(f, r))
	}

	if path := s.options.ReportFile; path != "" {
		r.fail(r.writeFile(path))
	}

	close(s.done)
}

var errReportExited = errors.New("system.Options.OnReport has ended its goroutine")

// tell calls OnReport, on a goroutine of its own: it may end that, and others wait for what follows.
func tell(f func(*Report), r *Report) error {
	told := make(chan error, 1)

	go func() {
		err := errReportExited

		defer func() { told <- err }()

		err = guard("OnReport", func() error { f(r); return nil })
	}()

	return <-told
}

// writeFile writes the report as JSON, under another name first, so that nobody finds half of it.
func (r *Report) writeFile(path string) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("report %q: %w", path, err)
	}

	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("report %q: %w", path, err)
	}

	_, err = f.Write(append(text, '\n'))
	err = errors.Join(err, f.Chmod(reportMode), f.Close())

	if err == nil {
		err = os.Rename(f.Name(), path)
	}

	if err != nil {
		return errors.Join(fmt.Errorf("report %q: %w", path, err), os.Remove(f.Name()))
	}

	return nil
}

// reportMode is the mode of a report file: anybody may read it.
const reportMode = 0o644
