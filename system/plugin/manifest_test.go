package plugin_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/system/plugin"
)

// valid is a manifest with nothing wrong.
func valid() plugin.Manifest {
	return plugin.Manifest{
		Name: "geo", Version: "1.4.0", Protocols: plugin.Range{Min: 1, Max: 2},
		Offers: []string{"cache"}, Needs: []string{"clock"}, Handles: []string{"line"},
	}
}

func TestManifestsAreCheckedAsAWhole(t *testing.T) {
	t.Parallel()
	require.NoError(t, valid().Validate())

	for name, of := range map[string]struct {
		change func(*plugin.Manifest)
		says   []string
	}{
		"no name":          {func(m *plugin.Manifest) { m.Name = "" }, []string{"manifest.name"}},
		"a path":           {func(m *plugin.Manifest) { m.Name = "../geo" }, []string{`"../geo" is not a name`}},
		"upper case":       {func(m *plugin.Manifest) { m.Name = "Geo" }, []string{"manifest.name"}},
		"a long name":      {func(m *plugin.Manifest) { m.Name = strings.Repeat("g", 65) }, []string{"manifest.name"}},
		"half a version":   {func(m *plugin.Manifest) { m.Version = "1.4" }, []string{"manifest.version"}},
		"a v":              {func(m *plugin.Manifest) { m.Version = "v1.4.0" }, []string{"manifest.version"}},
		"no version":       {func(m *plugin.Manifest) { m.Version = "" }, []string{"manifest.version"}},
		"no protocol":      {func(m *plugin.Manifest) { m.Protocols = plugin.Range{} }, []string{"manifest.protocols"}},
		"a range reversed": {func(m *plugin.Manifest) { m.Protocols = plugin.Range{Min: 2, Max: 1} }, []string{"2-1 is not"}},
		"no types":         {func(m *plugin.Manifest) { m.Handles = nil }, []string{"manifest.handles: is empty"}},
		"a type twice": {
			func(m *plugin.Manifest) { m.Handles = []string{"a", "a"} }, []string{`manifest.handles[1]: "a" is there twice`},
		},
		"a feature without a name": {
			func(m *plugin.Manifest) { m.Offers = []string{""} }, []string{"manifest.offers[0]"},
		},
		"too many features": {
			func(m *plugin.Manifest) { m.Needs = make([]string, 257) }, []string{"manifest.needs: has 257 names"},
		},
		"all at once": {
			func(m *plugin.Manifest) { *m = plugin.Manifest{} },
			[]string{"manifest.name", "manifest.version", "manifest.protocols", "manifest.handles"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			m := valid()
			of.change(&m)

			err := m.Validate()
			require.Error(t, err)

			for _, says := range of.says {
				assert.Contains(t, err.Error(), says)
			}
		})
	}

	for _, version := range []string{"0.0.1", "1.4.0-rc.1", "1.4.0+build.5", "1.4.0-rc.1+build.5"} {
		m := valid()
		m.Version = version
		assert.NoError(t, m.Validate(), version)
	}
}

func TestManifestsAreReadFromJSON(t *testing.T) {
	t.Parallel()

	text, err := json.Marshal(valid())
	require.NoError(t, err)

	m, err := plugin.DecodeManifest(text)
	require.NoError(t, err)
	assert.Equal(t, valid(), m)

	later := strings.Replace(string(text), "{", `{"of a later time": 1, `, 1)
	m, err = plugin.DecodeManifest([]byte(later))
	require.NoError(t, err)
	assert.Equal(t, valid(), m)

	for name, text := range map[string]string{
		"nothing": "", "half": string(text[:9]), "more": string(text) + "{}", "a list": "[]", "null": "null",
		"too much": `{"name": "` + strings.Repeat("g", plugin.MaxManifest) + `"}`,
	} {
		_, err := plugin.DecodeManifest([]byte(text))
		assert.Error(t, err, name)
	}
}

// FuzzManifest holds that whatever is read is valid, and reads the same when it is written again.
func FuzzManifest(f *testing.F) {
	text, err := json.Marshal(valid())
	require.NoError(f, err)

	for _, seed := range []string{string(text), "{}", "null", `{"name":"a","protocols":{"min":1,"max":99999999999}}`} {
		f.Add([]byte(seed))
	}

	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := plugin.DecodeManifest(text)
		if err != nil {
			require.Equal(t, plugin.Manifest{}, m)

			return
		}

		require.NoError(t, m.Validate())

		again, err := json.Marshal(m)
		require.NoError(t, err)

		back, err := plugin.DecodeManifest(again)
		require.NoError(t, err)
		require.Equal(t, m.Name, back.Name)
		require.Equal(t, m.Handles, back.Handles)
	})
}
