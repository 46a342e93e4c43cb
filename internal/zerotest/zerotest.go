// Package zerotest calls what a user can call on values that nobody has made: zero values and nil pointers of exported
// types.
package zerotest

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var (
	contextType = reflect.TypeFor[context.Context]() //nolint:gochecknoglobals // a constant
	errorType   = reflect.TypeFor[error]()           //nolint:gochecknoglobals // the same
)

// ErrAny stands for an error that has no name.
var ErrAny = errors.New("any error")

// Methods calls every exported method of the values, each a pointer to a zero value or a nil pointer: with nil and zero
// arguments, once under a context and once under a nil one. None may panic, and what is yielded is yielded to the end.
// A method that returns an error returns, under a context, one that is the answer of that name, such as "System.Wait",
// or nil if there is no answer; and under a nil context it returns an error too where it has an answer.
//
// The values must be of all the types with exported methods in the package whose test calls it, and the answers those
// of methods.
func Methods(t *testing.T, answers map[string]error, values ...any) {
	t.Helper()

	methods := methodsOfPackage(t)
	forgotten := maps.Clone(methods)

	for _, v := range values {
		receiver := reflect.ValueOf(v)
		name, _, _ := strings.Cut(receiver.Type().Elem().Name(), "[")

		for method := range receiver.Type().Methods() {
			full := name + "." + method.Name
			if !methods[full] {
				continue // of a test
			}

			delete(forgotten, full)

			for _, ctx := range []context.Context{t.Context(), nil} {
				check(t, full, receiver, method, ctx, answers[full])
			}
		}
	}

	assert.Empty(t, forgotten, "the test forgets them")

	for name := range answers {
		assert.True(t, methods[name], "there is no %s", name)
	}
}

// check calls one method.
func check(
	t *testing.T, name string, receiver reflect.Value, method reflect.Method,
	ctx context.Context, want error, //nolint:revive // an argument of the method
) {
	t.Helper()

	args := []reflect.Value{receiver}
	for i := 1; i < method.Type.NumIn(); i++ {
		arg := reflect.New(method.Type.In(i)).Elem()
		if arg.Type() == contextType && ctx != nil {
			arg.Set(reflect.ValueOf(ctx))
		}

		args = append(args, arg)
	}

	which := fmt.Sprintf("%s, nil receiver: %t, nil context: %t", name, receiver.IsNil(), ctx == nil)

	assert.NotPanics(t, func() {
		for _, r := range call(method, args) {
			drain(r)

			if r.Type() != errorType {
				continue
			}

			err, _ := reflect.TypeAssert[error](r)

			switch {
			case ctx != nil && want == ErrAny: //nolint:errorlint // a mark
				assert.Error(t, err, which)
			case ctx != nil:
				assert.ErrorIs(t, err, want, which)
			case want != nil:
				assert.Error(t, err, which)
			}
		}
	}, which)
}

func call(method reflect.Method, args []reflect.Value) []reflect.Value {
	if method.Type.IsVariadic() {
		return method.Func.CallSlice(args)
	}

	return method.Func.Call(args)
}

// drain goes through a result that is a sequence.
func drain(r reflect.Value) {
	switch {
	case r.Kind() != reflect.Func || r.IsNil():
	case r.Type().CanSeq():
		for range r.Seq() {
		}
	case r.Type().CanSeq2():
		for range r.Seq2() {
		}
	}
}

// methodsOfPackage returns the exported methods of the exported types of the package in the working directory, as its
// source has them: "System.Wait".
func methodsOfPackage(t *testing.T) map[string]bool {
	t.Helper()

	names, err := filepath.Glob("*.go")
	require.NoError(t, err)
	require.NotEmpty(t, names)

	methods := make(map[string]bool)

	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}

		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		require.NoError(t, err)

		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Recv == nil || !f.Name.IsExported() {
				continue
			}

			if of := receiverName(f.Recv.List[0].Type); ast.IsExported(of) {
				methods[of+"."+f.Name.Name] = true
			}
		}
	}

	return methods
}

// receiverName returns the name of the type that a receiver is of.
func receiverName(e ast.Expr) string {
	for {
		switch x := e.(type) {
		case *ast.StarExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.IndexListExpr:
			e = x.X
		case *ast.Ident:
			return x.Name
		default:
			return ""
		}
	}
}
