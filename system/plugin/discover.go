package plugin

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Prefix is what the name of a plugin's program begins with; the plugin's name follows.
const Prefix = "troupe-plugin-"

// MaxFound is how many plugins a directory can have.
const MaxFound = 1024

// manifestMode is the mode of a manifest's file.
const manifestMode = 0o644

// card is the file beside a plugin's program: its manifest, and the program's checksum.
type card struct {
	Manifest

	SHA256 string `json:"sha256"`
}

// Discover returns the plugins of a directory: for each file troupe-plugin-NAME.json, a manifest with the program's
// checksum as [WriteManifest] makes it, there must be a program troupe-plugin-NAME. Programs without a manifest are
// none. What is wrong with some of them is joined in the error, and the others are returned all the same. Nothing is
// started, and no checksum computed: that is for the start.
func Discover(dir string) ([]Executable, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("plugins: %w", err)
	}

	paths, err := filepath.Glob(filepath.Join(escape(dir), Prefix+"*.json"))
	if err != nil {
		return nil, fmt.Errorf("plugins in %q: %w", dir, err)
	}

	if _, err := os.ReadDir(dir); err != nil {
		return nil, fmt.Errorf("plugins: %w", err)
	}

	if len(paths) > MaxFound {
		return nil, fmt.Errorf("plugins in %q: there are %d, must be %d at most", dir, len(paths), MaxFound)
	}

	var (
		all  []Executable
		errs []error
	)

	for _, path := range paths {
		e, err := read(path)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", path, err))

			continue
		}

		all = append(all, e)
	}

	return all, errors.Join(errs...)
}

// escape makes a path a pattern that matches it.
func escape(path string) string {
	return strings.NewReplacer("*", `\*`, "?", `\?`, "[", `\[`, `\`, `\\`).Replace(path)
}

// read reads the file beside a program.
func read(path string) (Executable, error) {
	text, err := readSome(path, MaxManifest+1)
	if err != nil {
		return Executable{}, err
	}

	c, err := decodeCard(text)
	if err != nil {
		return Executable{}, err
	}

	program := strings.TrimSuffix(path, ".json")
	if name := strings.TrimPrefix(filepath.Base(program), Prefix); c.Name != name {
		return Executable{}, fmt.Errorf("manifest.name: %q, but the file is that of %q", c.Name, name)
	}

	if info, err := os.Stat(program); err != nil {
		return Executable{}, fmt.Errorf("its program: %w", err)
	} else if !info.Mode().IsRegular() || info.Mode().Perm()&0o111 == 0 {
		return Executable{}, fmt.Errorf("its program: %q is no file that can be executed", program)
	}

	return Executable{Path: program, SHA256: c.SHA256, Manifest: &c.Manifest}, nil
}

// decodeCard reads a manifest with a checksum.
func decodeCard(text []byte) (card, error) {
	var c card

	if err := decode(text, &c); err != nil {
		return card{}, err
	}

	source := Process(Executable{Path: "/", SHA256: c.SHA256, Manifest: &c.Manifest})
	if source.problem != nil {
		return card{}, source.problem
	}

	return c, nil
}

// readSome reads a file, most bytes of it.
func readSome(path string, most int64) (text []byte, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}

	text = make([]byte, most)
	n, err := f.ReadAt(text, 0)

	if cerr := f.Close(); cerr != nil {
		return nil, fmt.Errorf("manifest: %w", cerr)
	}

	if n == 0 && err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}

	return text[:n], nil
}

// WriteManifest writes the file beside a plugin's program, with its checksum, for [Discover] to find. It is for
// whoever installs the program, and trusts it as it is now.
func WriteManifest(program string, m Manifest) error {
	if err := m.Validate(); err != nil {
		return err
	}

	if filepath.Base(program) != Prefix+m.Name {
		return fmt.Errorf("plugin %q: its program is %q, must be called %s%s", m.Name, program, Prefix, m.Name)
	}

	sum, err := Checksum(program)
	if err != nil {
		return err
	}

	text, err := json.MarshalIndent(card{m, sum}, "", "  ")
	if err != nil {
		return fmt.Errorf("manifest: %w", err)
	}

	if err := os.WriteFile(program+".json", append(text, '\n'), manifestMode); err != nil {
		return fmt.Errorf("manifest: %w", err)
	}

	return nil
}
