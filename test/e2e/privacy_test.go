//go:build unix

package e2e

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bulkdemerge/bulkdemerge/internal/sandbox"
)

// Laws 7 and 8: the passcode is nowhere, identities only where they must be,
// and what holds them is private.
func TestPrivacy(t *testing.T) {
	t.Parallel()
	f := faultMix
	f.Partial = .05
	w, file, wants := ready(t, sandbox.Options{Latency: time.Millisecond, Faults: f, PoisonPartial: true, Seed: 7},
		kind{n: 6000, dedupe: true, dup: 30, blank: 30, poison: 50, seed: 7})
	log := func(command string, args ...string) []string {
		return append([]string{command, "--endpoint", w.url, "--account-id", account, "--yes", "--progress", "log", "--log-format", "json"}, args...)
	}
	var said strings.Builder
	note := func(r result) { said.WriteString(r.stdout + r.stderr) }
	note(w.must(3, log("run", "--limit", "1000", file)...))
	note(w.run("status", file+".demerge"))
	w.api.SetDown(true)
	note(w.must(3, log("run", "--max-outage", "300ms", file)...))
	w.api.SetDown(false)
	note(w.must(1, log("run", file)...))
	note(w.must(1, log("retry", "--rejected", file+".demerge")...))
	note(w.run("report", file+".demerge"))
	note(w.run("report", "--json", file+".demerge"))
	note(w.run("plan", file))
	note(w.run("config"))
	w.books(file+".demerge", wants)
	if strings.Contains(said.String(), passcode) || strings.Contains(said.String(), marker) {
		t.Errorf("the passcode or an identity was said:\n%s", said.String())
	}
	if out := w.path("page.html"); w.run("report", "--html", out, file+".demerge").code > 1 || !private(t, out) {
		t.Error("the page can be read by others")
	}
	holders := 0
	err := filepath.WalkDir(w.dir, func(name string, e fs.DirEntry, err error) error {
		if err != nil || name == file || name == w.dir {
			return err
		}
		if strings.HasPrefix(name, file+".demerge") && !private(t, name) {
			t.Errorf("%s can be read by others", name)
		}
		if e.IsDir() {
			return nil
		}
		b, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		if strings.Contains(string(b), passcode) {
			t.Errorf("%s holds the passcode", name)
		}
		if strings.Contains(string(b), marker) {
			holders++
			if base := filepath.Base(name); base != "report.csv" && base != "page.html" {
				t.Errorf("%s holds identities", name)
			}
		}
		return nil
	})
	if err != nil || holders == 0 {
		t.Errorf("%d files hold identities, %v", holders, err)
	}
}

func private(t *testing.T, name string) bool {
	t.Helper()
	info, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	if info.IsDir() {
		return info.Mode().Perm() == 0o700
	}
	return info.Mode().Perm() == 0o600
}
