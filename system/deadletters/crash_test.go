package deadletters_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/system"
	"github.com/troupe-go/troupe/system/deadletters"
)

// keeperFile is set for a process that keeps letters until it is killed.
const keeperFile = "TROUPE_KEEPER_FILE"

// keepForEver stores letters, evicting and taking out some, and prints the number of each once Keep has returned.
func keepForEver(path string) {
	s, err := deadletters.Open(path, deadletters.Options{Types: types, MaxLetters: 50})

	for n := uint64(1); err == nil; n++ {
		err = s.Keep([]system.LetterEvent{
			{Letter: letter(2*n, post{Cents: int(n)})},
			{Letter: letter(2*n+1, post{})},
			{Letter: letter(2*n+1, nil), Replayed: true},
		})
		fmt.Println(n) //nolint:forbidigo // it is a program
	}

	fmt.Fprintln(os.Stderr, err)
	os.Exit(1) //nolint:revive // it is what TestMain does in this process
}

func TestWhatKeepHasStoredSurvivesAKill(t *testing.T) {
	path := temporary(t)

	for kill := range 3 {
		c := exec.CommandContext(t.Context(), os.Args[0])
		c.Env, c.Stderr = append(os.Environ(), keeperFile+"="+path), os.Stderr

		out, err := c.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, c.Start())

		last, lines := 0, bufio.NewScanner(out)

		for lines.Scan() {
			last, err = strconv.Atoi(lines.Text())
			require.NoError(t, err)

			if last == 60+kill {
				require.NoError(t, c.Process.Kill())
			}
		}

		require.Error(t, c.Wait())
		require.GreaterOrEqual(t, last, 60)

		s, err := deadletters.Open(path, deadletters.Options{Types: types, MaxLetters: 50})
		require.NoError(t, err)

		held := numbers(t, s, system.Filter{})
		assert.Len(t, held, 50)
		assert.GreaterOrEqual(t, held[49], uint64(2*last), "what it said is stored is stored")
		stats(t, s)

		_, err = s.Remove(system.Filter{})
		require.NoError(t, err)
		require.NoError(t, s.Close())
	}
}
