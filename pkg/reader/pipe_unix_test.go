//go:build unix

package reader

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// TestPipeWithoutWriter: a stop ends the opening of a named pipe that nobody
// writes to.
func TestPipeWithoutWriter(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	stopped := errors.New("stopped")
	cancel(stopped)
	if in, err := Open(ctx, []string{path}, Options{}); !errors.Is(err, stopped) {
		t.Errorf("%v, %v", in, err)
	}
	// A writer lets the goroutine go that still waits, and waits for it.
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
}
