package plugin_test

import (
	"context"
	"encoding/json"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	grpcstatus "google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/troupe-go/troupe/system/plugin"
	"github.com/troupe-go/troupe/system/plugin/internal/pluginpb"
)

// FuzzCard holds that whatever is read from the file beside a program can be started, or is refused.
func FuzzCard(f *testing.F) {
	f.Add([]byte(`{"name":"a","version":"1.0.0","protocols":{"min":1,"max":2},"handles":["a"],"sha256":"` +
		strings.Repeat("0f", 32) + `"}`))
	f.Add([]byte(`{"sha256": 1}`))

	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := plugin.DecodeCard(text)
		if err != nil {
			return
		}

		require.NoError(t, c.Validate())
		require.Len(t, c.SHA256, 64)

		_, err = json.Marshal(c)
		require.NoError(t, err)
	})
}

// FuzzDescribe holds that whatever a process says of itself is refused or negotiated to something both sides have.
func FuzzDescribe(f *testing.F) {
	good, err := proto.Marshal(&pluginpb.Manifest{
		Name: "geo", Version: "1.0.0", MinProtocol: 1, MaxProtocol: 2, Handles: []string{"line"}, Offers: []string{"x"},
	})
	require.NoError(f, err)
	f.Add(good)
	f.Add([]byte{0xff})
	f.Add([]byte{})

	f.Fuzz(func(t *testing.T, b []byte) {
		var m pluginpb.Manifest
		if proto.Unmarshal(b, &m) != nil {
			return
		}

		said := plugin.FromManifest(&m)

		s, err := plugin.Negotiate(plugin.Offer{Offers: []string{"x"}}, said)
		if err != nil {
			require.Equal(t, plugin.Session{}, s)

			return
		}

		require.NoError(t, said.Validate())
		require.True(t, said.Protocols.Has(s.Protocol))
		require.LessOrEqual(t, len(s.Features), 1)
	})
}

// FuzzAnswer holds that an answer is within its limits, or an error.
func FuzzAnswer(f *testing.F) {
	good, err := proto.Marshal(&pluginpb.Message{Type: "line", Payload: []byte("a")})
	require.NoError(f, err)
	f.Add(good)
	f.Add([]byte{0x0a, 0xff, 0xff})

	f.Fuzz(func(t *testing.T, b []byte) {
		var in pluginpb.Message
		if proto.Unmarshal(b, &in) != nil {
			return
		}

		m, err := plugin.FromMessage(&in, 16)
		if err != nil {
			require.Equal(t, plugin.Message{}, m)

			return
		}

		require.LessOrEqual(t, len(m.Payload), 16)
		require.LessOrEqual(t, len(m.Type), plugin.MaxName)
	})
}

// FuzzStatus holds that an error of a process is one of ours, with a text that can be printed.
func FuzzStatus(f *testing.F) {
	f.Add(uint32(2), "broken")
	f.Add(uint32(14), "\xff")
	f.Add(uint32(99), "")

	f.Fuzz(func(t *testing.T, code uint32, text string) {
		if code == 0 {
			return
		}

		lost, err := plugin.FromStatus(grpcstatus.Error(codes.Code(code), text), 8)
		require.Error(t, err)
		require.Equal(t, codes.Code(code) == codes.Unavailable, lost)

		known := errors.As(err, new(*plugin.RemoteError)) || errors.As(err, new(*plugin.SizeError)) ||
			errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
		require.True(t, known, "%T", err)
		require.True(t, utf8.ValidString(err.Error()))
		require.Less(t, len(err.Error()), 5000)
	})
}

// FuzzHandshake holds that a plugin cannot send the host to any other place than a socket in its directory.
func FuzzHandshake(f *testing.F) {
	f.Add("unix", "/tmp/plugin-dir1/plugin2")
	f.Add("unix", "/tmp/plugin-dir1/../other")
	f.Add("tcp", "127.0.0.1:80")

	f.Fuzz(func(t *testing.T, network, address string) {
		const dir = "/tmp/plugin-dir1"

		if plugin.SocketIn(dir, network, address) != nil {
			return
		}

		assert.Equal(t, "unix", network)
		assert.Equal(t, dir, filepath.Dir(filepath.Clean(address)))
	})
}
