//go:build unix

// Package e2e drives the built binary from outside: real processes, real
// signals, real files, against a simulated API whose books say what arrived.
package e2e

import (
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// program is the path of the built command; TestMain sets it once.
var program string

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(build(m))
}

// depend looks at every source file, so that `go test` does not take a result
// from its cache when the command has changed: it knows nothing of the build,
// but takes note of the files that a test looks at.
func depend() error {
	return filepath.WalkDir("../..", func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.IsDir() && name != "../.." && (strings.HasPrefix(e.Name(), ".") || e.Name() == "node_modules") {
			return filepath.SkipDir
		}
		if filepath.Ext(name) == ".go" && !strings.HasSuffix(name, "_test.go") {
			_, err = os.Stat(name)
		}
		return err
	})
}

func build(m *testing.M) int {
	dir, err := os.MkdirTemp("", "e2e")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	program = filepath.Join(dir, "bulkdemerge")
	cmd := exec.Command("go", "build", "-o", program, "github.com/bulkdemerge/bulkdemerge/cmd/bulkdemerge")
	if out, err := cmd.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building the command: %v\n%s", err, out)
		return 1
	}
	// The tests wait for answers most of the time.
	if err := flag.Set("test.parallel", "6"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code := m.Run()
	if err := goleak.Find(goleak.IgnoreTopFunction("time.Sleep")); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// patience is how long a process may take before the test gives it up.
const patience = 2 * time.Minute
