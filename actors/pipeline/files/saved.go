package files

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

const fileMode = 0o600

// load reads what save wrote. It reports whether there is such a file; no path means none.
func load(path string, into any) (bool, error) {
	if path == "" {
		return false, nil
	}

	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}

	if err != nil {
		return false, fmt.Errorf("offset file: %w", err)
	}

	if err := json.Unmarshal(text, into); err != nil {
		return false, fmt.Errorf("offset file %q: %w", path, err)
	}

	return true, nil
}

// save replaces the file in one step: whenever it is interrupted, there is the old content or the new one. It returns
// when that is on disk. One at a time may save to a path.
func save(path string, value any) error {
	text, err := json.Marshal(value)
	if err == nil {
		err = replace(path, append(text, '\n'))
	}

	if err != nil {
		return fmt.Errorf("offset file: %w", err)
	}

	return nil
}

func replace(path string, text []byte) error {
	fresh := path + ".new" // always the same, so that crashes leave one at most

	f, err := os.OpenFile(fresh, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, fileMode)
	if err != nil {
		return err //nolint:wrapcheck // names the path
	}

	_, err = f.Write(text)
	if err == nil {
		err = f.Sync()
	}

	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(fresh, path)
	}

	if err != nil {
		return errors.Join(err, os.Remove(fresh))
	}

	return syncDir(filepath.Dir(path))
}

// syncDir makes sure that a file that was made or renamed in the directory is found there after a power failure.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil // it has no such call, and its file systems keep a log of names
	}

	d, err := os.Open(dir)
	if err != nil {
		return err //nolint:wrapcheck // names the path
	}

	return errors.Join(d.Sync(), d.Close())
}
