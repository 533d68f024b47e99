//go:build unix

// Package docs holds the pages to what they promise: the examples on them are
// the files beside them, and their commands are run.
package docs

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/bulkdemerge/bulkdemerge/internal/sandbox"
)

// root is the tree's top folder, as seen from the tests.
const root = "../.."

// binary is the path of the built command; TestMain sets it once.
var binary string

func TestMain(m *testing.M) { os.Exit(build(m)) }

func build(m *testing.M) int {
	dir, err := os.MkdirTemp("", "docs")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "bulkdemerge")
	cmd := exec.Command("go", "build", "-o", binary, "github.com/bulkdemerge/bulkdemerge/cmd/bulkdemerge")
	if out, err := cmd.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building the command: %v\n%s", err, out)
		return 1
	}
	code := m.Run()
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// place is a machine as the examples expect it: a folder for the data, one for
// the settings, and the other side.
type place struct {
	t    *testing.T
	data string
	etc  string
	url  string
	api  *sandbox.Server
}

const sendable = 294 // of a file of 300 records from seed 2; checked below

func newPlace(t *testing.T) *place {
	t.Helper()
	api := sandbox.New(sandbox.Options{Account: "ABC-123-4DE", Passcode: "docs-passcode"})
	l, err := sandbox.Listen("127.0.0.1:0", api)
	if err != nil {
		t.Fatal(err)
	}
	p := &place{t: t, data: t.TempDir(), etc: t.TempDir(), url: l.URL, api: api}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	p.write(filepath.Join(p.etc, "passcode"), "docs-passcode\n", 0o600)
	return p
}

func (p *place) write(name, text string, mode os.FileMode) {
	p.t.Helper()
	if err := os.WriteFile(name, []byte(text), mode); err != nil {
		p.t.Fatal(err)
	}
	if err := os.Chmod(name, mode); err != nil {
		p.t.Fatal(err)
	}
}

// export puts an input file into the data folder.
func (p *place) export(name string) {
	p.t.Helper()
	var b bytes.Buffer
	c, err := sandbox.Dirt(&b, 300, 2)
	if err != nil {
		p.t.Fatal(err)
	}
	if c.Sendable != sendable {
		p.t.Fatalf("the sample has %d to send, want %d", c.Sendable, sendable)
	}
	p.write(filepath.Join(p.data, name), b.String(), 0o600)
}

// run starts a command in the data folder, with nothing of the environment but
// what is given, and returns its exit code and what it printed.
func (p *place) run(env []string, name string, args ...string) (int, string) {
	p.t.Helper()
	cmd := exec.CommandContext(p.t.Context(), name, args...)
	cmd.Dir = p.data
	cmd.Env = append([]string{"PATH=" + filepath.Dir(binary) + ":" + os.Getenv("PATH"), "HOME=" + p.etc}, env...)
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		p.t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), string(out)
}

// arrived checks the other side's books: everybody, each once.
func (p *place) arrived(want int64) {
	p.t.Helper()
	b := p.api.Books()
	if b.Distinct != want || b.Repeated != 0 {
		p.t.Errorf("%d arrived, %d of them twice, want %d and none", b.Distinct, b.Repeated, want)
	}
}

// replace is strings.Replace that fails where there is nothing to replace.
func replace(t *testing.T, s, from, to string) string {
	t.Helper()
	if !strings.Contains(s, from) {
		t.Fatalf("the example doesn't hold %q any more:\n%s", from, s)
	}
	return strings.ReplaceAll(s, from, to)
}
