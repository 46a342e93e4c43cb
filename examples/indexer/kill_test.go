package main

import (
	"bytes"
	"context"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestKilledAgainAndAgainItsIndexIsThatOfThePlainIndexer builds the program, and kills it with SIGKILL at random
// moments until it has come to its end by itself.
func TestKilledAgainAndAgainItsIndexIsThatOfThePlainIndexer(t *testing.T) {
	root, wanted := src(t, "cmd"), 6
	if testing.Short() {
		root, wanted = src(t, "internal"), 2
	}

	dir := t.TempDir()
	program, db := filepath.Join(dir, "indexer"), filepath.Join(dir, "index.db")
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, ".").CombinedOutput()
	require.NoError(t, err, "%s", out)

	chance := rand.New(rand.NewPCG(rand.Uint64(), 0))
	kills, held := 0, 0

	// A life that commits nothing is no progress; so many of them are not bad luck.
	const lives = 500

	for ended := false; !ended; {
		require.Less(t, kills, lives)

		// Early moments first, so that there are some in any case, and later ones as time goes by.
		writes := kills % 3
		if kills >= wanted {
			writes = chance.IntN(2 * kills)
		}

		var last string

		ended, last = live(t, program, db, root, writes, time.Duration(chance.Int64N(int64(40*time.Millisecond))))
		if ended {
			assert.Contains(t, last, "Client.Get: ") // from the database, if the kill before came after the last commit
			assert.NotContains(t, last, "not complete")

			break
		}

		kills++

		if _, err := os.Stat(db); err == nil {
			now := stats(t, db).Files
			assert.GreaterOrEqual(t, now, held, "it goes on with what there is: %s", last)
			held = now
		}
	}

	t.Logf("killed %d times", kills)
	assert.GreaterOrEqual(t, kills, wanted)
	assert.Positive(t, held)
	checkWhole(t, db, root, plain(t, root))
}

// live runs the program until its database was written to so many times, and a moment longer, and kills it. It reports
// whether it had come to its end before, and then what it has printed.
func live(t *testing.T, program, db, root string, writes int, moment time.Duration) (ended bool, out string) {
	t.Helper()

	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()

	var text bytes.Buffer

	cmd := exec.CommandContext(ctx, program, "-root", root, "-db", db)
	cmd.Stdout, cmd.Stderr = &text, &text
	require.NoError(t, cmd.Start())

	gone := make(chan error, 1)

	go func() { gone <- cmd.Wait() }() // awaited below

	poll := time.NewTicker(time.Millisecond)
	defer poll.Stop()

	var last time.Time

	for seen := -1; seen < writes; { // the first look finds what the run before has left
		select {
		case err := <-gone:
			require.NoError(t, err, text.String())

			return true, text.String()
		case <-poll.C:
		}

		if info, err := os.Stat(db); err == nil && !info.ModTime().Equal(last) {
			last = info.ModTime()
			seen++
		}
	}

	// Not a wait for something: the moment of the kill is random, so that over time it falls on every step.
	select {
	case err := <-gone:
		require.NoError(t, err, text.String())

		return true, text.String()
	case <-time.After(moment):
	}

	_ = cmd.Process.Kill() // it may have ended just now

	err := <-gone

	return err == nil, text.String()
}
