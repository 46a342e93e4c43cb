package plugin

import (
	"context"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/troupe-go/troupe/internal/chain"
	"github.com/troupe-go/troupe/supervision"
	"github.com/troupe-go/troupe/system/plugin/internal/pluginpb"
)

// maxText is how long the text of an error can be that crosses the boundary, in bytes.
const maxText = 4096

// RemoteError is an error of a plugin in a process of its own.
type RemoteError struct {
	// Code is gRPC's name for the kind of error, such as Unknown.
	Code string
	// Text is what the plugin says, cut at 4096 bytes.
	Text string
}

// Error returns the text.
func (e *RemoteError) Error() string {
	if e.Code == codes.Unknown.String() {
		return e.Text
	}

	return e.Code + ": " + e.Text
}

// faultError is why the instance is to be given up whose process has failed.
type faultError struct {
	fault Fault
	err   error
}

func (e *faultError) Error() string { return supervision.Text(e.err) }
func (e *faultError) Unwrap() error { return e.err }

// cut makes a text one that protobuf takes, and not too long.
func cut(text string) string {
	if len(text) > maxText {
		text = text[:maxText]
	}

	return strings.ToValidUTF8(text, "�")
}

// toStatus makes a plugin's error one that crosses the boundary.
func toStatus(err error) error {
	code := codes.Unknown

	switch {
	case err == nil:
		return nil
	case chain.Has[*InvalidError](err):
		code = codes.InvalidArgument
	case chain.Is(err, context.DeadlineExceeded):
		code = codes.DeadlineExceeded
	case chain.Is(err, context.Canceled):
		code = codes.Canceled
	}

	return status.Error(code, cut(supervision.Text(err))) //nolint:wrapcheck // it is for gRPC
}

// fromStatus makes an error of what has come across the boundary, of a call whose payloads have most bytes at most.
// That the connection is lost is no error of the plugin's: then lost is true.
func fromStatus(err error, most int) (lost bool, of error) {
	s := status.Convert(err)
	remote := &RemoteError{Code: s.Code().String(), Text: cut(s.Message())}

	switch s.Code() {
	case codes.InvalidArgument:
		return false, &InvalidError{remote}
	case codes.DeadlineExceeded:
		return false, context.DeadlineExceeded
	case codes.Canceled:
		return false, context.Canceled
	case codes.ResourceExhausted:
		return false, &SizeError{Most: most}
	case codes.Unavailable:
		return true, remote
	default:
		return false, remote
	}
}

// fromManifest decodes a manifest. It is not validated.
func fromManifest(m *pluginpb.Manifest) Manifest {
	return Manifest{
		Name: m.GetName(), Version: m.GetVersion(),
		Protocols: Range{int(m.GetMinProtocol()), int(m.GetMaxProtocol())},
		Offers:    m.GetOffers(), Needs: m.GetNeeds(), Handles: m.GetHandles(),
	}
}

// toManifest encodes a manifest, which must be valid.
func toManifest(m Manifest) *pluginpb.Manifest {
	return &pluginpb.Manifest{
		Name: m.Name, Version: m.Version,
		MinProtocol: int32(m.Protocols.Min), MaxProtocol: int32(m.Protocols.Max), //nolint:gosec // up to MaxProtocol
		Offers: m.Offers, Needs: m.Needs, Handles: m.Handles,
	}
}

func toMessage(m Message) *pluginpb.Message {
	return &pluginpb.Message{Type: m.Type, Payload: m.Payload}
}

// fromMessage decodes an answer, whose payload can have most bytes.
func fromMessage(in *pluginpb.Message, most int) (Message, error) {
	m := Message{Type: in.GetType(), Payload: in.GetPayload()}
	if err := m.fits(most); err != nil {
		return Message{}, err
	}

	return m, nil
}
