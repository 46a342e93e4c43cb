package deadletters

import (
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/troupe-go/troupe/system"
	"github.com/troupe-go/troupe/system/deadletters/internal/letterpb"
)

// Decode decodes what is stored of a letter, with some types registered.
func Decode(text []byte, types ...Type) (system.Letter, error) {
	l, r := envelope(stored{number: 1, text: text})
	if r.err != nil {
		return l, r.err
	}

	c, err := newCodec(types)
	l.Message = c.decode(r.letter)

	return l, err
}

// Encode encodes a letter.
func Encode(l system.Letter, types ...Type) ([]byte, error) {
	c, err := newCodec(types)
	if err != nil {
		return nil, err
	}

	r, err := (&Store{codec: c, maxBytes: DefaultBytes}).record(&system.LetterEvent{Letter: l})

	return r.text, err
}

// Overwrite puts what is no letter into the file.
func (s *Store) Overwrite(number uint64, text []byte) error {
	return s.update(func(f *file) error { return f.letters.Put(key(number), text) })
}

// Alien returns a letter with a protobuf message of a type that this program does not know.
func Alien(url string, value []byte) ([]byte, error) {
	return proto.Marshal(&letterpb.Letter{
		Target: "/a", Reason: "failed", Payload: &letterpb.Letter_Any{Any: &anypb.Any{TypeUrl: url, Value: value}},
	})
}
