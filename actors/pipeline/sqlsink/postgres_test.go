package sqlsink_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// cluster is a PostgreSQL server of the tests' own.
type cluster struct {
	dir  string
	cmd  *exec.Cmd
	ends chan error
	log  bytes.Buffer
	url  string
}

// errNoPostgres says why there is none.
var errNoPostgres = errors.New("no PostgreSQL: give TROUPE_POSTGRES_URL, or install it (apt-get install postgresql)")

// startCluster starts PostgreSQL on a free port of the loopback interface, with its data in a temporary directory.
func startCluster(ctx context.Context) (*cluster, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(found) == 0 {
		return nil, errors.Join(errNoPostgres, err)
	}

	attr, id, err := unprivileged()
	if err != nil {
		return nil, err
	}

	dir, err := os.MkdirTemp("", "troupe-postgres")
	if err != nil {
		return nil, err
	}

	c := &cluster{dir: dir, ends: make(chan error, 1)}
	if id >= 0 {
		if err := os.Chown(dir, id, -1); err != nil {
			return nil, errors.Join(err, c.remove())
		}
	}

	bin := filepath.Dir(found[len(found)-1])
	if err := c.start(ctx, bin, attr); err != nil {
		return nil, errors.Join(err, c.remove())
	}

	return c, nil
}

// unprivileged returns as whom the server runs, and the user id to own its files or -1: it refuses to be root.
func unprivileged() (*syscall.SysProcAttr, int, error) {
	if os.Geteuid() != 0 {
		return &syscall.SysProcAttr{}, -1, nil
	}

	who, err := user.Lookup("postgres")
	if err != nil {
		return nil, 0, err
	}

	uid, err1 := strconv.ParseUint(who.Uid, 10, 32)
	gid, err2 := strconv.ParseUint(who.Gid, 10, 32)
	credential := &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}

	return &syscall.SysProcAttr{Credential: credential}, int(uid), errors.Join(err1, err2)
}

func (c *cluster) start(ctx context.Context, bin string, attr *syscall.SysProcAttr) error {
	data := filepath.Join(c.dir, "data")

	initdb := exec.CommandContext(ctx, filepath.Join(bin, "initdb"),
		"-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync")
	initdb.SysProcAttr, initdb.Dir = attr, c.dir

	if out, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}

	port, err := freePort(ctx)
	if err != nil {
		return err
	}

	c.cmd = exec.Command(filepath.Join(bin, "postgres"),
		"-D", data, "-h", "127.0.0.1", "-p", port, "-k", c.dir)
	c.cmd.SysProcAttr, c.cmd.Dir = attr, c.dir
	c.cmd.Stdout, c.cmd.Stderr = &c.log, &c.log
	c.url = fmt.Sprintf("postgres://postgres@127.0.0.1:%s/postgres?sslmode=disable", port)

	if err := c.cmd.Start(); err != nil {
		return err
	}

	go func() { c.ends <- c.cmd.Wait() }()

	if err := c.ready(ctx, filepath.Join(bin, "pg_isready"), port); err != nil {
		return errors.Join(err, c.stop(), errors.New(c.log.String()))
	}

	return nil
}

// ready asks until the server answers, a minute at most.
func (c *cluster) ready(ctx context.Context, program, port string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()

	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()

	for {
		asked := exec.CommandContext(ctx, program, "-q", "-h", "127.0.0.1", "-p", port)
		if asked.Run() == nil {
			return nil
		}

		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		case err := <-c.ends:
			c.ends <- err

			return fmt.Errorf("postgres has ended: %w", err)
		}
	}
}

func freePort(ctx context.Context) (string, error) {
	var config net.ListenConfig

	l, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}

	_, port, err := net.SplitHostPort(l.Addr().String())

	return port, errors.Join(err, l.Close())
}

// close stops the server and removes its data.
func (c *cluster) close() error { return errors.Join(c.stop(), c.remove()) }

func (c *cluster) stop() error {
	_ = c.cmd.Process.Signal(syscall.SIGINT) // a fast shutdown; an error means that it has ended

	return <-c.ends
}

func (c *cluster) remove() error { return os.RemoveAll(c.dir) }
