package supervision_test

import (
	"errors"
	"io/fs"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/troupe-go/troupe/supervision"
)

func TestErrorsNameThePathAndWrapTheirCause(t *testing.T) {
	cause := errors.New("the disk is full")
	failure := &supervision.FailureError{Path: "/shop/db", Err: cause}

	assert.EqualError(t, failure, "/shop/db: the disk is full")
	assert.ErrorIs(t, failure, cause)

	gaveUp := &supervision.BudgetError{
		Path: "/shop", Budget: supervision.Budget{Restarts: 1, Within: time.Second},
		Failures: []error{errors.New("first"), failure},
	}
	assert.EqualError(t, gaveUp,
		"/shop: restart budget exhausted: more than 1 restarts within 1s; last failure: /shop/db: the disk is full")
	assert.ErrorIs(t, gaveUp, cause)

	assert.EqualError(t, &supervision.BudgetError{Path: "/shop"},
		"/shop: restart budget exhausted: more than 0 restarts within 0s; last failure: none")
	assert.EqualError(t, &supervision.DeadlineError{Step: "flush", After: time.Second}, "flush did not finish within 1s")
}

func TestTheTextOfAnErrorThatPanicsIsWhatCanBeSaid(t *testing.T) {
	var none *fs.PathError

	const text = "*fs.PathError whose Error method panics"

	assert.Equal(t, text, supervision.Text(none))
	assert.Equal(t, text, supervision.Text(errors.Join(none)))
	assert.Equal(t, "first\n"+text+"\nlast",
		supervision.Text(errors.Join(errors.New("first"), errors.Join(none, errors.New("last")))))
}

func TestEnumsHaveNames(t *testing.T) {
	for want, given := range map[string]interface{ String() string }{
		"unset": supervision.Restart(0), "permanent": supervision.Permanent, "transient": supervision.Transient,
		"temporary": supervision.Temporary, "Restart(9)": supervision.Restart(9),
		"one-for-one": supervision.OneForOne, "Strategy(9)": supervision.Strategy(9),
	} {
		assert.Equal(t, want, given.String())
	}

	assert.Equal(t, "unset", supervision.Strategy(0).String())
}
