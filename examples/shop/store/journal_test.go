package store_test

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/examples/shop/order"
	"github.com/troupe-go/troupe/examples/shop/store"
)

func events(from, to int) []order.Event {
	var all []order.Event
	for i := from; i <= to; i++ {
		all = append(all, order.Event{Order: order.Order{ID: strconv.Itoa(i), State: order.Accepted}})
	}

	return all
}

func TestTheJournalNumbersEventsAcrossRestarts(t *testing.T) {
	file := filepath.Join(t.TempDir(), "events.db")

	for i := range 3 {
		j, err := store.Open(file)
		require.NoError(t, err)

		batch := events(2*i+1, 2*i+2)
		require.NoError(t, j.Append(batch))
		assert.Equal(t, uint64(2*i+2), batch[1].Seq)

		require.NoError(t, j.Close())
		require.NoError(t, j.Close(), "again")
	}

	j, err := store.Open(file)
	require.NoError(t, err)

	defer func() { require.NoError(t, j.Close()) }()

	for _, c := range []struct {
		after       uint64
		limit       int
		first, last string
	}{{0, 10, "1", "6"}, {2, 2, "3", "4"}, {5, 10, "6", "6"}} {
		got, err := j.Read(c.after, c.limit)
		require.NoError(t, err)
		assert.Equal(t, c.after+1, got[0].Seq)
		assert.Equal(t, []string{c.first, c.last}, []string{got[0].Order.ID, got[len(got)-1].Order.ID})
	}

	got, err := j.Read(6, 10)
	require.NoError(t, err)
	assert.Empty(t, got)
}

func TestTheJournalRefusesWhatItCannotUse(t *testing.T) {
	dir := t.TempDir()
	foreign := filepath.Join(dir, "foreign")
	require.NoError(t, os.WriteFile(foreign, []byte("something else"), 0o600))

	_, err := store.Open(foreign)
	require.ErrorContains(t, err, foreign)

	_, err = store.Open(filepath.Join(dir, "no", "such"))
	require.ErrorIs(t, err, os.ErrNotExist)

	j, err := store.Open(filepath.Join(dir, "events.db"))
	require.NoError(t, err)
	require.NoError(t, j.Close())
	require.Error(t, j.Append(events(1, 1)), "it is closed")
}
