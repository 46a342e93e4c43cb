package mailbox_test

import (
	"reflect"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/mailbox"
)

type pair [2]int

// What the receiver reads and writes for every message must not share a cache line with what senders write for each of
// theirs. So it stands in the lease, which is allocated apart.
func TestSendersAndReceiverShareNoCacheLine(t *testing.T) {
	lease, ok := reflect.TypeFor[mailbox.Mailbox[pair]]().FieldByName("lease")

	require.True(t, ok)
	assert.Equal(t, reflect.Pointer, lease.Type.Kind())

	for _, name := range []string{"claims", "urgent", "batch", "at", "hand", "processed"} {
		_, ok := lease.Type.Elem().FieldByName(name)
		assert.True(t, ok, "the field %s is gone: what does this test have to look at now?", name)
	}
}

// Objects of one size lie side by side, without a gap. What one of them writes for every message must not share a cache
// line with what its neighbour does.
func TestNeighboursShareNoCacheLine(t *testing.T) {
	const line = 64 // bytes

	for _, test := range []struct {
		of          reflect.Type
		first, last string // of the fields that are written
	}{
		{reflect.TypeFor[mailbox.Standalone[pair]](), "mu", "settled"},
		{reflect.TypeFor[mailbox.Lease[pair]](), "claims", "processed"},
	} {
		written := test.of // or the mailbox in it
		if box, ok := test.of.FieldByName("box"); ok && box.Type.Kind() == reflect.Struct {
			written = box.Type
		}

		first, ok := written.FieldByName(test.first)
		require.True(t, ok)

		last, ok := written.FieldByName(test.last)
		require.True(t, ok)

		assert.GreaterOrEqual(t, test.of.Size()-(last.Offset+last.Type.Size()-first.Offset), uintptr(line), test.of)
	}
}
