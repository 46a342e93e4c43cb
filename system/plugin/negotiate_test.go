package plugin_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/troupe-go/troupe/system/plugin"
)

func TestNegotiate(t *testing.T) {
	t.Parallel()

	type names = []string

	span := func(a, b int) plugin.Range { return plugin.Range{Min: a, Max: b} }

	for name, of := range map[string]struct {
		host     plugin.Offer
		speaks   plugin.Range
		offers   names
		needs    names
		protocol int
		features names
		says     []string
	}{
		"the highest protocol that both speak": {host: plugin.Offer{Protocols: span(1, 2)}, speaks: span(1, 9), protocol: 2},
		"an old plugin on a new host":          {speaks: span(1, 1), protocol: 1},
		"a new plugin on an old host":          {host: plugin.Offer{Protocols: span(1, 1)}, speaks: span(1, 2), protocol: 1},
		"the zero range is all there is":       {speaks: span(2, 2), protocol: 2},
		"features are those of both, sorted": {
			host: plugin.Offer{Offers: names{"z", "b", "a"}}, speaks: span(1, 2), offers: names{"a", "z", "c"},
			protocol: 2, features: names{"a", "z"},
		},
		"what one needs and the other offers": {
			host: plugin.Offer{Offers: names{"clock"}, Needs: names{"cache"}}, speaks: span(1, 2),
			offers: names{"cache"}, needs: names{"clock"}, protocol: 2, features: names{"cache", "clock"},
		},
		"what both need": {
			host: plugin.Offer{Needs: names{"x"}}, speaks: span(1, 2), needs: names{"x"}, protocol: 2, features: names{"x"},
		},
		"no protocol in common": {
			host: plugin.Offer{Protocols: span(1, 1)}, speaks: span(2, 3),
			says: names{"no protocol in common", "plugin: protocols 2-3", "host: protocols 1,"},
		},
		"all that is in the way is one error": {
			host:   plugin.Offer{Protocols: span(1, 1), Offers: names{"a"}, Needs: names{"b"}},
			speaks: span(2, 2), offers: names{"c"}, needs: names{"d"},
			says: names{
				"plugin geo 1.4.0 refused: no protocol in common; the host has not [d]; the plugin has not [b]",
				"(plugin: protocols 2, offers [c], needs [d]; host: protocols 1, offers [a], needs [b])",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			m := valid()
			m.Protocols, m.Offers, m.Needs = of.speaks, of.offers, of.needs

			s, err := plugin.Negotiate(of.host, m)
			if len(of.says) == 0 {
				require.NoError(t, err)
				assert.Equal(t, plugin.Session{Protocol: of.protocol, Features: of.features}, s)

				return
			}

			var refused *plugin.RefusedError

			require.ErrorAs(t, err, &refused)
			assert.Equal(t, m, refused.Plugin)

			for _, says := range of.says {
				assert.Contains(t, err.Error(), says)
			}
		})
	}

	_, err := plugin.Negotiate(plugin.Offer{}, plugin.Manifest{})
	require.ErrorContains(t, err, "manifest.name")
}

// TestNegotiationAgreesWithLookingAtEveryVersionAndFeature checks it against trying all there is.
func TestNegotiationAgreesWithLookingAtEveryVersionAndFeature(t *testing.T) {
	t.Parallel()

	all := []string{"a", "b", "c", "d"}

	rapid.Check(t, func(t *rapid.T) {
		span := func(label string) plugin.Range {
			low := rapid.IntRange(1, 6).Draw(t, label+" min")

			return plugin.Range{Min: low, Max: rapid.IntRange(low, 7).Draw(t, label+" max")}
		}
		some := func(label string) (names []string) {
			for _, name := range all {
				if rapid.Bool().Draw(t, label+name) {
					names = append(names, name)
				}
			}

			return names
		}

		m := valid()
		m.Protocols, m.Offers, m.Needs = span("plugin"), some("offers "), some("needs ")
		host := plugin.Offer{Protocols: span("host"), Offers: some("host offers "), Needs: some("host needs ")}

		version := 0
		for v := 1; v <= 7; v++ {
			if v >= m.Protocols.Min && v <= m.Protocols.Max && v >= host.Protocols.Min && v <= host.Protocols.Max {
				version = v
			}
		}

		fits := version > 0

		var both []string

		for _, name := range all {
			ours := slices.Contains(host.Offers, name) || slices.Contains(host.Needs, name)
			theirs := slices.Contains(m.Offers, name) || slices.Contains(m.Needs, name)

			if ours && theirs {
				both = append(both, name)
			}

			if slices.Contains(m.Needs, name) && !ours || slices.Contains(host.Needs, name) && !theirs {
				fits = false
			}
		}

		s, err := plugin.Negotiate(host, m)
		if !fits {
			require.ErrorAs(t, err, new(*plugin.RefusedError))
			require.Equal(t, plugin.Session{}, s)

			return
		}

		require.NoError(t, err)
		require.Equal(t, version, s.Protocol)
		require.Equal(t, both, s.Features)

		for _, name := range all {
			require.Equal(t, slices.Contains(both, name), s.Has(name))
		}
	})
}
