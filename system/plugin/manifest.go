package plugin

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"

	"golang.org/x/mod/semver"
)

// The protocols this package speaks.
const (
	// Protocol1 has calls, health and stop.
	Protocol1 = 1
	// Protocol2 adds streams and drain.
	Protocol2 = 2
)

// Limits of a [Manifest].
const (
	// MaxManifest is how long a manifest can be as JSON, in bytes.
	MaxManifest = 64 << 10
	// MaxNames is how many features a manifest can offer or need, and how many types it can handle.
	MaxNames = 256
	// MaxName is how long each name can be, in bytes.
	MaxName = 64
	// MaxProtocol is the highest number a protocol can have.
	MaxProtocol = 1 << 16
)

// Range is a range of protocol versions, both ends included.
type Range struct {
	Min int `json:"min"`
	Max int `json:"max"`
}

// String returns the range, such as "1-2".
func (r Range) String() string {
	if r.Min == r.Max {
		return strconv.Itoa(r.Min)
	}

	return fmt.Sprintf("%d-%d", r.Min, r.Max)
}

// Has reports whether a version is in the range.
func (r Range) Has(version int) bool { return r.Min <= version && version <= r.Max }

// validate reports what is wrong with a range.
func (r Range) validate(field string) error {
	if r.Min < 1 || r.Max < r.Min || r.Max > MaxProtocol {
		return fmt.Errorf("%s: %d-%d is not a range, must be 1 <= min <= max <= %d", field, r.Min, r.Max, MaxProtocol)
	}

	return nil
}

// Manifest says what a plugin is, and what it can do.
type Manifest struct {
	// Name of the plugin: lower-case letters, digits and dashes, beginning with a letter.
	Name string `json:"name"`
	// Version is a semantic version in full, such as "1.4.0".
	Version string `json:"version"`
	// Protocols the plugin speaks.
	Protocols Range `json:"protocols"`
	// Offers are the features the plugin has.
	Offers []string `json:"offers,omitempty"`
	// Needs are the features it cannot do without. What it needs it has to know, so they count as offered too.
	Needs []string `json:"needs,omitempty"`
	// Handles are the types of the messages it takes.
	Handles []string `json:"handles"`
}

var (
	pluginName = regexp.MustCompile(`^[a-z][a-z0-9-]*$`)
	plainName  = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._/-]*$`)
)

// Validate reports everything that is wrong with the manifest, joined; each error names the field and the rule.
func (m Manifest) Validate() error {
	var errs []error

	if len(m.Name) > MaxName || !pluginName.MatchString(m.Name) {
		errs = append(errs, fmt.Errorf("manifest.name: %.80q is not a name, must be up to %d lower-case letters, digits and "+
			"dashes, beginning with a letter", m.Name, MaxName))
	}

	if v := "v" + m.Version; len(v) > MaxName || semver.Canonical(v)+semver.Build(v) != v || !semver.IsValid(v) {
		errs = append(errs, fmt.Errorf("manifest.version: %.80q is not a semantic version such as 1.4.0", m.Version))
	}

	errs = append(errs,
		m.Protocols.validate("manifest.protocols"),
		checkNames("manifest.offers", m.Offers),
		checkNames("manifest.needs", m.Needs),
		checkNames("manifest.handles", m.Handles))

	if len(m.Handles) == 0 {
		errs = append(errs, errors.New("manifest.handles: is empty, a plugin handles one type of message at least"))
	}

	return errors.Join(errs...)
}

// checkNames reports what is wrong with names.
func checkNames(field string, names []string) error {
	if len(names) > MaxNames {
		return fmt.Errorf("%s: has %d names, must be %d at most", field, len(names), MaxNames)
	}

	var errs []error

	for i, name := range names {
		switch {
		case len(name) > MaxName || !plainName.MatchString(name):
			errs = append(errs, fmt.Errorf("%s[%d]: %.80q is not a name, must be up to %d letters, digits, dots, slashes, "+
				"underscores and dashes", field, i, name, MaxName))
		case slices.Contains(names[:i], name):
			errs = append(errs, fmt.Errorf("%s[%d]: %q is there twice", field, i, name))
		}
	}

	return errors.Join(errs...)
}

// same reports whether two manifests say the same.
func (m Manifest) same(other Manifest) bool {
	return m.Name == other.Name && m.Version == other.Version && m.Protocols == other.Protocols &&
		slices.Equal(m.Offers, other.Offers) && slices.Equal(m.Needs, other.Needs) &&
		slices.Equal(m.Handles, other.Handles)
}

// DecodeManifest reads a manifest from JSON and validates it. Fields that are not known are ignored, so that a later
// manifest can have more.
func DecodeManifest(text []byte) (Manifest, error) {
	var m Manifest

	if err := decode(text, &m); err != nil {
		return Manifest{}, err
	}

	if err := m.Validate(); err != nil {
		return Manifest{}, err
	}

	return m, nil
}

// decode reads one JSON value of the size of a manifest, and nothing behind it.
func decode(text []byte, to any) error {
	if len(text) > MaxManifest {
		return fmt.Errorf("manifest: has more than %d bytes", MaxManifest)
	}

	d := json.NewDecoder(bytes.NewReader(text))
	if err := d.Decode(to); err != nil {
		return fmt.Errorf("manifest: %w", err)
	}

	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("manifest: there is more behind the JSON value")
	}

	return nil
}
