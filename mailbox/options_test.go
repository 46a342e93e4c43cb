package mailbox_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/mailbox"
)

func TestOptionsValidate(t *testing.T) {
	const most = mailbox.MaxCapacity

	for _, row := range []struct {
		name    string
		options mailbox.Options
		want    []string // one line per error; nil means valid
	}{
		{"the defaults are valid", mailbox.Defaults(), nil},
		{"a capacity is all that must be set", mailbox.Options{Capacity: 1}, nil},
		{
			"the largest capacities are valid",
			mailbox.Options{Capacity: most, Control: most, Overflow: mailbox.Reject, ControlOverflow: mailbox.Reject},
			nil,
		},
		{
			"an unset capacity is an error",
			mailbox.Options{},
			[]string{"mailbox.Options.Capacity: 0 is out of range, must be from 1 to 1048576"},
		},
		{
			"a capacity above the limit is an error",
			mailbox.Options{Capacity: most + 1},
			[]string{"mailbox.Options.Capacity: 1048577 is out of range, must be from 1 to 1048576"},
		},
		{
			"everything wrong is reported at once",
			mailbox.Options{Capacity: -1, Control: -2, Overflow: 5, ControlOverflow: 9},
			[]string{
				"mailbox.Options.Capacity: -1 is out of range, must be from 1 to 1048576",
				"mailbox.Options.Control: -2 is out of range, must be from 1 to 1048576, or 0 for 16",
				"mailbox.Options.Overflow: Overflow(5) is not a policy, must be block, reject, drop newest or drop oldest",
				"mailbox.Options.ControlOverflow: Overflow(9) is not a policy, must be block, reject, drop newest or drop oldest",
			},
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			var got []string

			if joined, ok := row.options.Validate().(interface{ Unwrap() []error }); ok {
				for _, err := range joined.Unwrap() {
					got = append(got, err.Error())
				}
			}

			assert.Equal(t, row.want, got)

			box, err := mailbox.New[int]("/options", &row.options, func(*mailbox.Lease[int]) {}, nil)
			assert.Equal(t, row.want == nil, err == nil)
			assert.Equal(t, row.want == nil, box != nil)
		})
	}
}

func TestNew(t *testing.T) {
	t.Run("without options it has the defaults", func(t *testing.T) {
		box, err := mailbox.New[int]("/defaults", nil, func(*mailbox.Lease[int]) {}, nil)
		require.NoError(t, err)

		for lane, capacity := range map[mailbox.Lane]int{
			mailbox.Data: mailbox.DefaultCapacity, mailbox.Control: mailbox.DefaultControl,
		} {
			for range capacity {
				require.NoError(t, box.TrySend(lane, 1))
			}

			require.ErrorIs(t, box.TrySend(lane, 1), mailbox.ErrFull)
		}
	})

	t.Run("without a receiver's function it is an error", func(t *testing.T) {
		_, err := mailbox.New[int]("/nobody", nil, nil, nil)
		require.EqualError(t, err, "mailbox.New: run is nil, must be the receiver's function")
	})
}

func TestNamesOfConstants(t *testing.T) {
	for want, got := range map[string]interface{ String() string }{
		"data": mailbox.Data, "control": mailbox.Control, "Lane(0)": mailbox.Lane(0), "Lane(3)": mailbox.Lane(3),
		"unset": mailbox.Overflow(0), "block": mailbox.Block, "reject": mailbox.Reject, "Overflow(7)": mailbox.Overflow(7),
	} {
		assert.Equal(t, want, got.String())
	}
}
