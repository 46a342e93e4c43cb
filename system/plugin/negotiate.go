package plugin

import (
	"fmt"
	"slices"
	"strings"
)

// Offer is the host's side of a negotiation.
type Offer struct {
	// Protocols the host speaks; the zero Range means all that this package speaks.
	Protocols Range
	// Offers are the features the host has.
	Offers []string
	// Needs are the features it asks of every plugin; they count as offered too.
	Needs []string
}

// Session is what host and plugin have agreed on. Both sides have the same.
type Session struct {
	// Protocol is the highest version that both speak.
	Protocol int
	// Features are those that both have, sorted.
	Features []string
	// Config is the configuration the host has for the plugin, in whatever form the plugin documents.
	Config []byte
}

// Has reports whether both sides have a feature.
func (s Session) Has(feature string) bool {
	_, found := slices.BinarySearch(s.Features, feature)

	return found
}

// RefusedError says that host and plugin have no protocol in common, or that one needs what the other has not. It
// shows both sides.
type RefusedError struct {
	// Plugin and Host are what the two offered.
	Plugin Manifest
	Host   Offer
	// Missing are features that the plugin needs and the host has not.
	Missing []string
	// Lacking are features that the host needs and the plugin has not.
	Lacking []string
}

// Error says all that is in the way, and both sides.
func (e *RefusedError) Error() string {
	var why []string

	if common(e.Plugin.Protocols, e.Host.Protocols) == 0 {
		why = append(why, "no protocol in common")
	}

	if len(e.Missing) > 0 {
		why = append(why, "the host has not "+list(e.Missing))
	}

	if len(e.Lacking) > 0 {
		why = append(why, "the plugin has not "+list(e.Lacking))
	}

	return fmt.Sprintf("plugin %s %s refused: %s (plugin: protocols %v, offers %s, needs %s; "+
		"host: protocols %v, offers %s, needs %s)",
		e.Plugin.Name, e.Plugin.Version, strings.Join(why, "; "),
		e.Plugin.Protocols, list(e.Plugin.Offers), list(e.Plugin.Needs),
		e.Host.Protocols, list(e.Host.Offers), list(e.Host.Needs))
}

func list(names []string) string { return "[" + strings.Join(names, " ") + "]" }

// Negotiate decides what host and plugin have in common: the highest protocol that both speak, and the features that
// both offer. The error is what [Manifest.Validate] finds, or a [*RefusedError]. It is a pure function: the same two
// sides always agree on the same.
func Negotiate(host Offer, plugin Manifest) (Session, error) {
	if err := plugin.Validate(); err != nil {
		return Session{}, err
	}

	host = host.withDefaults()
	ours, theirs := union(host.Offers, host.Needs), union(plugin.Offers, plugin.Needs)

	refused := &RefusedError{
		Plugin: plugin, Host: host, Missing: without(plugin.Needs, ours), Lacking: without(host.Needs, theirs),
	}

	version := common(plugin.Protocols, host.Protocols)
	if version == 0 || len(refused.Missing) > 0 || len(refused.Lacking) > 0 {
		return Session{}, refused
	}

	return Session{Protocol: version, Features: without(ours, without(ours, theirs))}, nil
}

func (o Offer) withDefaults() Offer {
	if o.Protocols == (Range{}) {
		o.Protocols = Range{Protocol1, Protocol2}
	}

	return o
}

// validate reports what is wrong with the host's side.
func (o Offer) validate() []error {
	errs := []error{
		checkNames("plugin.Spec.Offer.Offers", o.Offers), checkNames("plugin.Spec.Offer.Needs", o.Needs),
	}

	if o.Protocols == (Range{}) {
		return errs
	}

	if err := o.Protocols.validate("plugin.Spec.Offer.Protocols"); err != nil {
		return append(errs, err)
	}

	if o.Protocols.Max > Protocol2 {
		errs = append(errs, fmt.Errorf("plugin.Spec.Offer.Protocols: %v, but this package speaks up to %d",
			o.Protocols, Protocol2))
	}

	return errs
}

// common returns the highest version in both ranges, or 0.
func common(a, b Range) int {
	if highest := min(a.Max, b.Max); a.Has(highest) && b.Has(highest) {
		return highest
	}

	return 0
}

// union returns the names in either list, sorted, each once.
func union(a, b []string) []string {
	all := slices.Concat(a, b)
	slices.Sort(all)

	return slices.Compact(all)
}

// without returns the names that are not in another list.
func without(names, other []string) (rest []string) {
	for _, name := range names {
		if !slices.Contains(other, name) {
			rest = append(rest, name)
		}
	}

	return rest
}
