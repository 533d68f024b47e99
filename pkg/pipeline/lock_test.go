//go:build unix

package pipeline

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// A run directory holds personal data: one that somebody made and left empty
// becomes private, one that is in use keeps the mode that somebody chose.
func TestLockDirMakesAnEmptyFolderPrivate(t *testing.T) {
	for _, tt := range []struct {
		name string
		full bool
		want os.FileMode
	}{
		{"empty", false, 0o700},
		{"in use", true, 0o755},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "out")
			if err := os.Mkdir(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(dir, 0o755); err != nil { // whatever the umask
				t.Fatal(err)
			}
			if tt.full {
				if err := os.WriteFile(filepath.Join(dir, "notes"), nil, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			l, err := LockDir(dir, time.Now())
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			info, err := os.Stat(dir)
			if err != nil {
				t.Fatal(err)
			}
			if got := info.Mode().Perm(); got != tt.want {
				t.Errorf("mode %o, want %o", got, tt.want)
			}
		})
	}
}
