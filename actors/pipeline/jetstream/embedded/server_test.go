package embedded_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/troupe-go/troupe/actors/pipeline/jetstream/embedded"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestAStreamIsThereAfterARestart(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "streams")

	for want := range uint64(3) {
		server, err := embedded.Start(dir)
		require.NoError(t, err)

		conn, err := server.Connect()
		require.NoError(t, err)

		js, err := jetstream.New(conn)
		require.NoError(t, err)

		stream, err := js.CreateOrUpdateStream(t.Context(), jetstream.StreamConfig{Name: "s", Subjects: []string{"s"}})
		require.NoError(t, err)
		assert.Equal(t, want, stream.CachedInfo().State.Msgs)

		_, err = js.Publish(t.Context(), "s", nil)
		require.NoError(t, err)

		conn.Close()
		server.Close()
		server.Close()

		_, err = server.Connect()
		require.Error(t, err)
	}
}

func TestADirectoryThatCannotBeUsedIsSaid(t *testing.T) {
	_, err := embedded.Start("")
	require.ErrorContains(t, err, "the directory is empty")

	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))

	_, err = embedded.Start(file)
	require.ErrorContains(t, err, fmt.Sprintf("%q", file))
}

// A server in the process, whose streams are kept in a directory.
func ExampleStart() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		fmt.Println(err)
	}

	defer os.RemoveAll(dir)

	server, err := embedded.Start(dir)
	if err != nil {
		fmt.Println(err)

		return
	}

	defer server.Close()

	conn, err := server.Connect()
	if err != nil {
		fmt.Println(err)

		return
	}

	defer conn.Close()

	fmt.Println(conn.Status())
	// Output: CONNECTED
}
