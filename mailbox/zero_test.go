package mailbox_test

import (
	"testing"

	"github.com/troupe-go/troupe/internal/zerotest"
	"github.com/troupe-go/troupe/mailbox"
)

// Zero values are nobody's, and so is the nil that comes with an error: they have documented answers.
func TestZeroValuesHaveAnswers(t *testing.T) {
	zerotest.Methods(t, map[string]error{
		"Mailbox.Send":         mailbox.ErrNoMailbox,
		"Mailbox.SendInner":    mailbox.ErrNoMailbox,
		"Mailbox.SendTicket":   mailbox.ErrNoMailbox,
		"Mailbox.TryResend":    mailbox.ErrNoMailbox,
		"Mailbox.TrySend":      mailbox.ErrNoMailbox,
		"Lease.Stash":          mailbox.ErrNotInHand,
		"Options.Validate":     zerotest.ErrAny,
		"Reason.UnmarshalText": zerotest.ErrAny,
	},
		new(mailbox.Adapter),
		new(mailbox.Counts),
		new(mailbox.Dispatch),
		new(mailbox.DroppedError),
		new(mailbox.FullError),
		new(mailbox.Lane),
		new(mailbox.Lease[int]),
		new(mailbox.Mailbox[int]),
		new(mailbox.Options),
		new(mailbox.Overflow),
		new(mailbox.Reason),
		new(mailbox.SendError),
		new(mailbox.StashFullError),
		new(mailbox.Stats),
		new(mailbox.Template[int]),
	)
}
