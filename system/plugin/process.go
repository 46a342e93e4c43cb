package plugin

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"time"

	goplugin "github.com/hashicorp/go-plugin"
)

// Executable says how a plugin in a process of its own is started.
type Executable struct {
	// Path of the program. It has to be absolute.
	Path string
	// SHA256 is the program's checksum, in hexadecimal, which is verified before every start; see [Checksum]. It must be
	// set: from a source that is trusted, and the file must be one that only trusted users can write, for it could be
	// replaced between the check and the start.
	SHA256 string
	// Manifest the plugin must have; nil if that is not known before.
	Manifest *Manifest
	// Args for the program.
	Args []string
	// Env is all that it has of an environment, besides what it needs to be a plugin. It does not get the host's.
	Env []string
	// Memory is how much the process can have resident, in bytes; 0 means [DefaultMemory]. On Linux it is looked at
	// every 20 ms, or 2 ms once it is more than half, and a process that has more is killed; it is also the first that the
	// kernel kills when the machine runs out. A Go program's collector is told to do with nine tenths of it.
	Memory int64
}

// DefaultMemory is how much memory a plugin's process can have when Executable.Memory is 0, in bytes.
const DefaultMemory = 256 << 20

// Process makes a source of an executable: every instance is a process. Problems are reported by [New].
func Process(e Executable) Source {
	sum, err := hex.DecodeString(e.SHA256)

	var errs []error

	if err != nil || len(sum) != sha256.Size {
		errs = append(errs, fmt.Errorf("plugin.Executable.SHA256: %.80q is not a SHA-256 checksum", e.SHA256))
	}

	if !filepath.IsAbs(e.Path) {
		errs = append(errs, fmt.Errorf("plugin.Executable.Path: %q is not absolute", e.Path))
	}

	if e.Memory < 0 {
		errs = append(errs, fmt.Errorf("plugin.Executable.Memory: %d is negative", e.Memory))
	}

	if e.Manifest != nil {
		errs = append(errs, e.Manifest.Validate())
	}

	if e.Memory == 0 {
		e.Memory = DefaultMemory
	}

	return Source{
		open: func(ctx context.Context, l *load) (Plugin, error) {
			p, err := launch(ctx, e, sum, l.place.spec.MaxMessage)
			if err != nil {
				return nil, err
			}

			return p, nil
		},
		manifest: e.Manifest, problem: errors.Join(errs...),
	}
}

// Checksum returns the SHA-256 checksum of a file in hexadecimal, for an [Executable] that is trusted as it is now.
func Checksum(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("checksum: %w", err)
	}

	h := sha256.New()
	_, err = io.Copy(h, f)

	if err = errors.Join(err, f.Close()); err != nil {
		return "", fmt.Errorf("checksum of %q: %w", path, err)
	}

	return hex.EncodeToString(h.Sum(nil)), nil
}

// ChecksumError says that a plugin's program is not the one it should be. It was not started.
type ChecksumError struct {
	// Path of the program.
	Path string
}

// Error names the program.
func (e *ChecksumError) Error() string {
	return e.Path + ": the program has another checksum than declared"
}

// verify checks that a program is what was declared.
func verify(path string, sum []byte) error {
	secure := goplugin.SecureConfig{Checksum: sum, Hash: newHash()}

	same, err := secure.Check(path)

	switch {
	case err != nil:
		return fmt.Errorf("checksum: %w", err)
	case !same:
		return &ChecksumError{path}
	default:
		return nil
	}
}

func newHash() hash.Hash { return sha256.New() }

// ExitError says how a plugin's process has ended by itself.
type ExitError struct {
	// State in words, such as "exit status 2" or "signal: killed".
	State string
	// Stderr is the end of what it has printed, 4096 bytes at most.
	Stderr string
}

// Error says how it has ended, and shows the first line of what is known.
func (e *ExitError) Error() string {
	if e.Stderr == "" {
		return "the process has ended: " + e.State
	}

	return "the process has ended: " + e.State + ": " + e.Stderr
}

// process is a plugin's process, as go-plugin's runner. One goroutine starts it and waits for it, and another watches
// its memory; both end with it.
type process struct {
	ctx    context.Context // of the launch
	cmd    *exec.Cmd
	dir    string // for its socket
	memory int64
	stdin  *os.File // our ends
	stdout *os.File
	stderr *os.File
	tail   *tail
	began  chan error    // told once how the start went
	ended  chan struct{} // closed when the process is gone, with state set
	read   chan struct{} // closed when go-plugin reads its pipes no more
	state  string
	owners sync.WaitGroup

	started  bool        // set by Start
	launched func() bool // that the launch's context ends kills it no more

	mu        sync.Mutex
	oversized int64 // resident bytes it was killed for
}

// newProcess prepares one, with go-plugin's environment.
func newProcess(ctx context.Context, e Executable, env []string, dir string, stderr *tail) *process {
	cmd := exec.Command(e.Path, e.Args...) //nolint:gosec,noctx // the host says what to start; ended by kill
	cmd.Env = append(append(env, "GOMEMLIMIT="+strconv.FormatInt(e.Memory/10*9, 10)), e.Env...)
	cmd.Dir = dir
	contain(cmd)

	return &process{
		ctx: ctx, cmd: cmd, dir: dir, tail: stderr, memory: e.Memory, began: make(chan error, 1), ended: make(chan struct{}),
		read: make(chan struct{}),
	}
}

// Start implements the runner. It does not block for longer than a fork takes.
func (p *process) Start(context.Context) error {
	theirs, err := p.pipes()
	if err != nil {
		return err
	}

	p.owners.Go(func() { p.own(theirs) })

	if err = <-p.began; err != nil {
		return errors.Join(fmt.Errorf("start: %w", err), p.stdout.Close(), p.stderr.Close())
	}

	p.started = true
	p.launched = context.AfterFunc(p.ctx, p.interrupt)

	p.owners.Go(p.watch)

	return nil
}

// pipes makes those of the process. Its ends are returned.
func (p *process) pipes() (theirs []*os.File, err error) {
	var ours, to []*os.File // reading ends, writing ends

	for range 3 {
		r, w, err := os.Pipe()
		if err != nil {
			for _, f := range slices.Concat(ours, to) {
				err = errors.Join(err, f.Close())
			}

			return nil, fmt.Errorf("pipe: %w", err)
		}

		ours, to = append(ours, r), append(to, w)
	}

	p.stdin, p.stdout, p.stderr = to[0], ours[1], ours[2]
	p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = ours[0], to[1], to[2]

	return []*os.File{ours[0], to[1], to[2]}, nil
}

// own starts the process and waits for it, all on one thread: when that ends, Linux kills the process.
func (p *process) own(theirs []*os.File) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()

	err := p.cmd.Start()

	for _, f := range theirs {
		_ = f.Close() // the process has its own
	}

	if err == nil {
		firstToGo(p.cmd.Process.Pid)
	}

	p.began <- err

	if err == nil {
		_ = p.cmd.Wait() // the state says it
		p.state = p.cmd.ProcessState.String()

		killGroup(p.cmd.Process.Pid) // what it has started
	} else {
		p.state = err.Error()
	}

	// Somebody may hold the other ends who has left the group. What is there is read, no more.
	soon := time.Now().Add(pipeGrace)
	_ = p.stdout.SetReadDeadline(soon)
	_ = p.stderr.SetReadDeadline(soon)
	_ = p.stdin.Close()

	close(p.ended)
}

// pipeGrace is how long the pipes of a process that has ended are read.
const pipeGrace = 100 * time.Millisecond

// watch kills the process when it has too much memory.
func (p *process) watch() {
	next := time.NewTimer(memoryTick)
	defer next.Stop()

	for {
		select {
		case <-p.ended:
			return
		case <-next.C:
		}

		switch has := resident(p.cmd.Process.Pid); {
		case has <= p.memory/2: //nolint:mnd // half
			next.Reset(memoryTick)
		case has <= p.memory:
			next.Reset(memorySoon)
		default:
			p.mu.Lock()
			p.oversized = has
			p.mu.Unlock()

			killGroup(p.cmd.Process.Pid)

			return
		}
	}
}

// memoryTick is how often a process's memory is looked at, and memorySoon how often once it has more than half of what
// it may.
const (
	memoryTick = 20 * time.Millisecond
	memorySoon = 2 * time.Millisecond
)

// end kills the process, if it runs, and waits until it is gone, its pipes are closed, and what it had in the file
// system is removed. It may be called again.
func (p *process) end() {
	p.interrupt()
	p.owners.Wait()

	if p.started {
		<-p.read
	}

	_ = os.RemoveAll(p.dir) // what is left is in the system's directory for temporary files
}

// interrupt kills the process if it runs.
func (p *process) interrupt() {
	select {
	case <-p.ended:
	default:
		if p.started {
			killGroup(p.cmd.Process.Pid)
		}
	}
}

// why returns how the process has ended. Called when it has. What it has printed last is read a moment later: that is
// waited for, no longer than pipeGrace.
func (p *process) why() error {
	if p.started {
		<-p.read
	}

	p.mu.Lock()
	defer p.mu.Unlock()

	if p.oversized > 0 {
		return &faultError{Oversized, fmt.Errorf("the process had %d bytes of memory, %d are allowed", p.oversized, p.memory)}
	}

	return &faultError{Crashed, &ExitError{p.state, p.tail.String()}}
}

// Wait implements the runner. It is called when the pipes are read no more.
func (p *process) Wait(context.Context) error {
	<-p.ended

	err := errors.Join(p.stdout.Close(), p.stderr.Close())
	close(p.read)

	return err
}

// Kill implements the runner.
func (p *process) Kill(context.Context) error {
	p.interrupt()

	return nil
}

// Stdout implements the runner.
func (p *process) Stdout() io.ReadCloser { return p.stdout }

// Stderr implements the runner.
func (p *process) Stderr() io.ReadCloser { return p.stderr }

// Name implements the runner.
func (p *process) Name() string { return p.cmd.Path }

// ID implements the runner.
func (p *process) ID() string { return strconv.Itoa(p.cmd.Process.Pid) }

// Diagnose implements the runner.
func (*process) Diagnose(context.Context) string { return "" }

// PluginToHost implements the runner: a plugin does not get to say where the host connects, other than to its socket.
func (p *process) PluginToHost(network, address string) (toNetwork, toAddress string, err error) {
	if network != "unix" || filepath.Clean(address) != address || filepath.Dir(address) != filepath.Clean(p.dir) {
		return "", "", fmt.Errorf("the plugin says it listens at %.20q %.200q, must be a socket in %q",
			network, address, p.dir)
	}

	return network, address, nil
}

// HostToPlugin implements the runner.
func (*process) HostToPlugin(network, address string) (toNetwork, toAddress string, err error) {
	return network, address, nil
}

// tail keeps the end of what is written to it. Safe for concurrent use.
type tail struct {
	mu   sync.Mutex
	kept []byte
}

// Write implements [io.Writer].
func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()

	t.kept = append(t.kept, b...)
	if more := len(t.kept) - maxText; more > 0 {
		t.kept = append(t.kept[:0], t.kept[more:]...)
	}

	return len(b), nil
}

// String returns what was kept.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()

	return cut(string(t.kept))
}
