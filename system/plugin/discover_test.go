package plugin_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/supervision"
	"github.com/troupe-go/troupe/system/plugin"
)

// install puts the test program into a directory as the plugin of a name.
func install(t testing.TB, dir, name string) string {
	t.Helper()

	path := filepath.Join(dir, plugin.Prefix+name)
	self, err := filepath.Abs(os.Args[0])
	require.NoError(t, err)
	require.NoError(t, os.Symlink(self, path))
	require.NoError(t, plugin.WriteManifest(path, manifest(name, "1.0.0")))

	return path
}

func TestDiscover(t *testing.T) {
	dir := t.TempDir()
	install(t, dir, "geo")

	all, err := plugin.Discover(dir)
	require.NoError(t, err)
	require.Len(t, all, 1)
	assert.Equal(t, manifest("geo", "1.0.0"), *all[0].Manifest)

	all[0].Args = []string{asPlugin, "version", "1.0.0"}
	s := slot(t, plugin.Process(all[0]), plugin.Spec{Required: true})
	h := start(t, s)
	text, err := do(t, s.From(h.sys.Intake()), "version")
	require.NoError(t, err)
	assert.Equal(t, "1.0.0", text)
	h.end()

	t.Run("what it says of itself must be what its manifest says", func(t *testing.T) {
		e := all[0]
		e.Args = []string{asPlugin, "version", "1.0.1"}
		_, err := boot(t, slot(t, plugin.Process(e), plugin.Spec{Required: true}))
		require.ErrorContains(t, err, "the plugin says it is geo 1.0.1, but its manifest is of geo 1.0.0")
	})

	t.Run("the others are found when some are wrong", func(t *testing.T) {
		write := func(name, text string) {
			require.NoError(t, os.WriteFile(filepath.Join(dir, plugin.Prefix+name+".json"), []byte(text), 0o600))
		}
		text, err := os.ReadFile(filepath.Join(dir, plugin.Prefix+"geo.json"))
		require.NoError(t, err)

		write("twin", string(text)) // a duplicate name
		write("empty", "")
		write("half", "{")
		write("bare", `{"name": "bare", "version": "1.0.0", "protocols": {"min": 1, "max": 1}, "handles": ["a"]}`)
		write("gone", `{"name": "gone", "version": "1.0.0", "protocols": {"min": 1, "max": 1}, "handles": ["a"], "sha256":
			"0000000000000000000000000000000000000000000000000000000000000000"}`)

		all, err := plugin.Discover(dir)
		require.Len(t, all, 1)

		for _, says := range []string{
			`manifest.name: "geo", but the file is that of "twin"`, "troupe-plugin-empty.json: manifest:",
			"troupe-plugin-half.json: manifest:", "plugin.Executable.SHA256", "troupe-plugin-gone.json: its program:",
		} {
			assert.ErrorContains(t, err, says)
		}
	})

	_, err = plugin.Discover(filepath.Join(dir, "nowhere"))
	require.Error(t, err)
	require.ErrorContains(t, plugin.WriteManifest(all[0].Path, manifest("other", "1.0.0")), "must be called")
	require.ErrorContains(t, plugin.WriteManifest(all[0].Path, plugin.Manifest{}), "manifest.name")
}

func TestHost(t *testing.T) {
	bubble(t, "plugins come and go under their names", func(t *testing.T) {
		_, err := plugin.NewHost("plugins", 0, plugin.Spec{Concurrency: -1})
		require.ErrorContains(t, err, "0 slots")
		require.ErrorContains(t, err, "plugin.Spec.Concurrency")

		of, err := plugin.NewHost("plugins", 2, plugin.Spec{})
		require.NoError(t, err)

		h := &host{t: t, sys: startTree(t, supervision.On(of.Tree()))}
		all := of.From(h.sys.Intake())
		ctx := t.Context()
		named := func(name string) plugin.Source {
			return always(&fake{manifest: manifest(name, "1.0.0"), handle: upper})
		}

		geo, err := all.Load(ctx, "geo", named("geo"))
		require.NoError(t, err)

		_, err = all.Load(ctx, "geo", named("geo"))
		require.ErrorIs(t, err, plugin.ErrLoaded)

		_, err = all.Load(ctx, "ip", named("geo"))
		require.ErrorContains(t, err, "the plugin says it is geo 1.0.0, but it is to be ip")

		_, err = all.Load(ctx, "Ip", plugin.InProcess(nil))
		require.ErrorContains(t, err, `plugin "Ip"`)
		require.ErrorIs(t, err, plugin.ErrNoPlugin)

		_, err = all.Load(ctx, "ip", named("ip"))
		require.NoError(t, err)

		_, err = all.Load(ctx, "one", named("one"))
		require.ErrorAs(t, err, new(*plugin.NoSlotError))

		text, err := do(t, geo, "a")
		require.NoError(t, err)
		assert.Equal(t, "A", text)
		require.NoError(t, all.Unload(ctx, "geo"))
		require.ErrorIs(t, all.Unload(ctx, "geo"), plugin.ErrNotLoaded)

		_, err = all.Load(ctx, "one", named("one"))
		require.NoError(t, err)

		_, err = do(t, geo, "a") // there is another one in its slot
		require.ErrorIs(t, err, plugin.ErrNotLoaded)

		one, err := all.Plugin(ctx, "one")
		require.NoError(t, err)
		require.NoError(t, one.Upgrade(ctx, named("one")))

		_, err = all.Plugin(ctx, "geo")
		require.ErrorIs(t, err, plugin.ErrNotLoaded)
		assert.True(t, h.sys.Health(ctx).Ready())
		assert.True(t, h.end().Clean)
	})
}
