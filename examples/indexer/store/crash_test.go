package store_test

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/examples/indexer/store"
	"github.com/troupe-go/troupe/examples/indexer/symbols"
)

const (
	crashEnv = "TROUPE_STORE_CRASH_DB" // path of the database, set for the child only
	newFiles = 20                      // files that a batch adds
	oldFiles = 5                       // files of the batch before that it replaces
	allNames = 400
)

// crashBatch returns the n-th batch: new files, and other versions of some files of the batch before.
func crashBatch(n int) []store.File {
	var batch []store.File
	for i := range newFiles {
		batch = append(batch, crashFile(n, i, 0))
	}
	for i := 0; i < oldFiles && n > 0; i++ {
		batch = append(batch, crashFile(n-1, i, 1))
	}
	return batch
}

func crashFile(batch, i, version int) store.File {
	f := store.File{Path: fmt.Sprintf("%04d/%02d.go", batch, i)}
	r := rand.New(rand.NewPCG(uint64(batch), uint64(2*i+version)))
	for range 40 {
		f.Symbols = append(f.Symbols, symbols.Symbol{
			Name: crashName(r.IntN(allNames)), File: f.Path, Line: r.IntN(5000), Kind: symbols.KindFunc,
		})
	}
	return f
}

func crashName(i int) string { return fmt.Sprintf("Name%03d", i) }

// crashChild commits batches for ever, and says before and after each what it is at.
func crashChild(path string) error {
	db, err := store.Open(path)
	if err != nil {
		return err
	}
	for n := 0; ; n++ {
		fmt.Println("begin", n)
		if err := db.Put(crashBatch(n)); err != nil {
			return err
		}
		fmt.Println("done", n)
	}
}

func TestAKilledProcessLeavesAPrefixOfItsBatches(t *testing.T) {
	path := filepath.Join(t.TempDir(), "index.db")
	const trials = 6
	for trial := range trials {
		require.NoError(t, os.RemoveAll(path))
		// Some kills fall into the first batches, where the file grows, some into later ones.
		acked := killDuring(t, path, trial*3, time.Duration(rand.IntN(8))*time.Millisecond)

		db, err := store.Open(path)
		require.NoError(t, err)
		stats, err := db.Stats()
		require.NoError(t, err)
		committed := stats.Files / newFiles
		t.Logf("trial %d: %d batches acknowledged, %d committed", trial, acked, committed)
		assert.GreaterOrEqual(t, committed, acked, "an acknowledged batch is there")
		assert.LessOrEqual(t, committed, acked+1, "and at most the one that was being written")

		want := model{}
		var paths, names []string
		for n := range committed {
			want.put(crashBatch(n))
		}
		for _, f := range crashBatch(committed) {
			paths = append(paths, f.Path) // must not be there, or be there in the version before
		}
		for path := range want {
			paths = append(paths, path)
		}
		for i := range allNames {
			names = append(names, crashName(i))
		}
		want.compare(t, db, paths, names)
		require.NoError(t, db.Put(crashBatch(committed)), "and it can be written to")
		require.NoError(t, db.Close())
	}
}

// killDuring runs the child, kills it a moment after it began batch n, and returns how many batches it had
// acknowledged.
func killDuring(t *testing.T, path string, n int, moment time.Duration) int {
	t.Helper()
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), crashEnv+"="+path)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, child.Start())

	acked := 0
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		switch line := lines.Text(); line {
		case "done " + strconv.Itoa(acked):
			acked++
		case "begin " + strconv.Itoa(n):
			// Not a wait for something: the moment of the kill is random, so that over time
			// it falls on every step of a commit.
			<-time.After(moment)
			require.NoError(t, child.Process.Kill())
		}
	}
	require.NoError(t, lines.Err())
	require.Error(t, child.Wait(), "it was killed")
	require.GreaterOrEqual(t, acked, n)
	return acked
}
