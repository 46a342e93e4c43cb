package mailbox_test

import (
	"reflect"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/troupe-go/troupe/mailbox"
)

// Add knows every figure there is, those with a number per reason too.
func TestStatsAddUp(t *testing.T) {
	var a, sum mailbox.Stats

	n := uint64(0)
	for _, f := range numbers(reflect.ValueOf(&a).Elem()) {
		n++
		f.SetUint(n)
	}

	sum.Add(&a)
	assert.Equal(t, a, sum)

	sum.Add(&a)

	for i, f := range numbers(reflect.ValueOf(sum)) {
		assert.Equal(t, 2*uint64(i+1), f.Uint())
	}
}

// numbers returns all numbers in a value, in order.
func numbers(v reflect.Value) (all []reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		for _, f := range v.Fields() {
			all = append(all, numbers(f)...)
		}
	case reflect.Array:
		for i := range v.Len() {
			all = append(all, numbers(v.Index(i))...)
		}
	default:
		all = append(all, v)
	}

	return all
}
