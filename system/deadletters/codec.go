package deadletters

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/troupe-go/troupe/internal/chain"
	"github.com/troupe-go/troupe/supervision"
	"github.com/troupe-go/troupe/system/deadletters/internal/letterpb"
)

// Type is a type of message that is stored as JSON, under a name that stays when the type is renamed. Make it with
// [TypeOf].
type Type struct {
	name   string
	of     reflect.Type
	decode func([]byte) (any, error)
}

// TypeOf registers T, the type of the message itself and no interface that it implements, under a name, which must be
// valid UTF-8. It must survive encoding/json: unexported fields, reply ports among them, are zero after it. A type that
// encoding/json never encodes, such as a channel or a struct with one in an exported field, is refused by [Open], which
// encodes a zero value to see. What is found only in a value, such as a channel behind a pointer, is not seen there:
// such a message is kept as what it prints, an [*Opaque].
func TypeOf[T any](name string) Type {
	return Type{name, reflect.TypeFor[T](), func(text []byte) (any, error) {
		var m T

		err := json.Unmarshal(text, &m)

		return m, err //nolint:wrapcheck // kept beside the message's name
	}}
}

// Unknown is the message of a stored letter whose type this program does not know, or cannot decode. In the file it is
// as it was.
type Unknown struct {
	// Type is the name it was registered under, or a protobuf type URL.
	Type string
	// Data is the message as JSON or protobuf.
	Data []byte
	// Why it was not decoded.
	Why error
}

// Opaque is the message of a stored letter that could not be encoded. There is no more of it than this.
type Opaque struct {
	// Type is its Go type.
	Type string
	// Printed is the message as %+v prints it, cut at [MaxPrinted] bytes.
	Printed string
	// Why it could not be encoded.
	Why string
}

// MaxPrinted is how many bytes are kept of what a message prints, and of the text of a cause.
const MaxPrinted = 4096

var (
	errNotRegistered = errors.New("its type is not registered (deadletters.Options.Types)")
	errUnknownName   = errors.New("no type is registered under this name (deadletters.Options.Types)")
)

// codec encodes messages. It is read-only.
type codec struct {
	byType map[reflect.Type]Type
	byName map[string]Type
}

func newCodec(types []Type) (*codec, error) {
	c := &codec{make(map[reflect.Type]Type), make(map[string]Type)}

	var errs []error

	for i, t := range types {
		at := fmt.Sprintf("deadletters.Options.Types[%d]", i)

		switch {
		case t.of == nil:
			errs = append(errs, fmt.Errorf("%s: the zero Type, must be made with TypeOf", at))

			continue
		case t.name == "":
			errs = append(errs, fmt.Errorf("%s: %v has no name", at, t.of))
		case !utf8.ValidString(t.name):
			errs = append(errs, fmt.Errorf("%s: the name %q is not valid UTF-8", at, t.name))
		}

		if t.of.Kind() == reflect.Interface {
			errs = append(errs, fmt.Errorf("%s: %v is an interface, must be the type of messages", at, t.of))
		} else if never := unencodable(t.of); never != nil {
			errs = append(errs, fmt.Errorf("%s: %v is never encoded by encoding/json, which does not take a %v",
				at, t.of, never))
		}

		if _, twice := c.byName[t.name]; twice {
			errs = append(errs, fmt.Errorf("%s: the name %q is given twice", at, t.name))
		}

		if _, twice := c.byType[t.of]; twice {
			errs = append(errs, fmt.Errorf("%s: %v is registered twice", at, t.of))
		}

		c.byName[t.name], c.byType[t.of] = t, t
	}

	return c, errors.Join(errs...)
}

// unencodable returns the type because of which encoding/json takes no value of a type; nil if it takes some. It calls
// the user's code.
func unencodable(of reflect.Type) (never reflect.Type) {
	defer func() {
		if v := recover(); v != nil {
			never = nil // the zero value may be none that is sent
		}
	}()

	if of.Kind() == reflect.Pointer {
		of = of.Elem()
	}

	_, err := json.Marshal(reflect.New(of).Interface())
	if u, is := err.(*json.UnsupportedTypeError); is { //nolint:errorlint // one that is wrapped is of the user's code
		return u.Type
	}

	return nil
}

// encode puts a message into a letter. What cannot be encoded is put there as what it prints.
func (c *codec) encode(to *letterpb.Letter, message any) {
	if err := c.tryEncode(to, message); err != nil {
		opaque(to, message, err)
	}
}

func opaque(to *letterpb.Letter, message any, why error) {
	to.Payload = &letterpb.Letter_Opaque{Opaque: &letterpb.Opaque{
		Type: valid(fmt.Sprintf("%T", message)), Printed: valid(chain.Detail(message)),
		Why: valid(supervision.Text(why)),
	}}
}

// valid cuts a text, and makes it one that protobuf takes.
func valid(text string) string {
	if len(text) > MaxPrinted {
		text = text[:MaxPrinted]
	}

	return strings.ToValidUTF8(text, "�")
}

// tryEncode calls the user's code.
func (c *codec) tryEncode(to *letterpb.Letter, message any) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = errors.New("panic: " + chain.Print(v))
		}
	}()

	if t, ok := c.byType[reflect.TypeOf(message)]; ok {
		text, err := json.Marshal(message)
		to.Payload = &letterpb.Letter_Encoded{Encoded: &letterpb.Encoded{Name: t.name, Json: text}}

		return err //nolint:wrapcheck // kept beside the message's type
	}

	if m, ok := message.(proto.Message); ok {
		wrapped, err := anypb.New(m)
		to.Payload = &letterpb.Letter_Any{Any: wrapped}

		return err //nolint:wrapcheck // kept beside the message's type
	}

	return errNotRegistered
}

// decode returns the message of a letter: as it was, or an [*Unknown] or [*Opaque].
func (c *codec) decode(from *letterpb.Letter) any {
	switch p := from.GetPayload().(type) {
	case *letterpb.Letter_Any:
		m, err := p.Any.UnmarshalNew()
		if err != nil {
			return &Unknown{Type: p.Any.GetTypeUrl(), Data: p.Any.GetValue(), Why: err}
		}

		return m
	case *letterpb.Letter_Encoded:
		m, err := c.decodeJSON(p.Encoded)
		if err != nil {
			return &Unknown{Type: p.Encoded.GetName(), Data: p.Encoded.GetJson(), Why: err}
		}

		return m
	default:
		o := from.GetOpaque()

		return &Opaque{Type: o.GetType(), Printed: o.GetPrinted(), Why: o.GetWhy()}
	}
}

// decodeJSON calls the user's code.
func (c *codec) decodeJSON(e *letterpb.Encoded) (m any, err error) {
	defer func() {
		if v := recover(); v != nil {
			m, err = nil, errors.New("panic: "+chain.Print(v))
		}
	}()

	t, known := c.byName[e.GetName()]
	if !known {
		return nil, errUnknownName
	}

	return t.decode(e.GetJson())
}
