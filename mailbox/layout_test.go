package mailbox_test

import (
	"reflect"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/mailbox"
)

// The receiver reads one word of the mailbox before every message. It must not share a cache line with what senders
// write for each of theirs; what the receiver itself writes stands elsewhere altogether.
func TestSendersAndReceiverShareNoCacheLine(t *testing.T) {
	const line = 64 // bytes

	box := reflect.TypeFor[mailbox.Mailbox[struct{ a, b int }]]()
	field := func(name string) reflect.StructField {
		f, ok := box.FieldByName(name)
		require.True(t, ok, "the field %s is gone: what does this test have to look at now?", name)

		return f
	}

	read := field("urgent").Offset

	for _, written := range []string{"mu", "status", "data", "control", "settled"} {
		f := field(written)
		end := f.Offset + f.Type.Size()
		assert.True(t, end-1+line <= read || f.Offset >= read+line, "%s is at %d to %d, urgent at %d", written,
			f.Offset, end, read)
	}

	assert.Equal(t, reflect.Pointer, field("lease").Type.Kind(), "what the receiver writes is allocated apart")
}
