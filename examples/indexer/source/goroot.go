package source

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// Default returns the directory of the Go distribution's own source, $(go env GOROOT)/src: some eleven
// thousand files that are there wherever Go is. It runs the go command from PATH and blocks until that has
// answered or ctx has ended. Where go cannot be asked, the error says so and wraps the cause. The directory
// is not looked at: [Open] does that.
func Default(ctx context.Context) (string, error) {
	root, err := goroot(ctx)
	if err != nil {
		return "", fmt.Errorf("default root: must be known from \"go env GOROOT\": %w", err)
	}
	return filepath.Join(root, "src"), nil
}

func goroot(ctx context.Context) (string, error) {
	var complaint bytes.Buffer
	cmd := exec.CommandContext(ctx, "go", "env", "GOROOT")
	// The go that is here, whatever a go.mod in the working directory asks for: no download.
	cmd.Env = append(os.Environ(), "GOTOOLCHAIN=local")
	cmd.Stderr = &complaint
	cmd.WaitDelay = time.Second // a grandchild that keeps the pipe open does not keep us
	out, err := cmd.Output()
	switch text := bytes.TrimSpace(complaint.Bytes()); {
	case ctx.Err() != nil:
		return "", context.Cause(ctx)
	case err != nil && len(text) > 0:
		return "", fmt.Errorf("%w: %s", err, text)
	case err != nil:
		return "", err
	}
	root := string(bytes.TrimSpace(out))
	if root == "" {
		return "", errors.New("it is empty")
	}
	return root, nil
}
