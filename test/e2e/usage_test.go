//go:build unix

package e2e

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/bulkdemerge/bulkdemerge/internal/sandbox"
)

// Issue 3: what can't begin says so in one line and what to do in another,
// sends nothing and leaves nothing behind.
func TestExit2(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Options{})
	file := w.write("ids.csv", []byte("no,identity\n1,"+marker+"-1\n"))
	other := w.write("other.csv", []byte("no,email\n1,"+marker+"-1\n"))
	open := w.write("open", []byte(passcode+"\n"))
	if err := os.Chmod(open, 0o644); err != nil {
		t.Fatal(err)
	}
	target := []string{"--endpoint", w.url, "--account-id", account}
	var files []string
	for i, c := range []struct {
		name  string
		args  []string
		unset bool // the passcode's variable
		words string
	}{
		{"no command", []string{"rum"}, false, "run"},
		{"no file", append(target, "run", "--yes"), false, "file"},
		{"missing file", w.send("run", w.path("none.csv")), false, "none.csv"},
		{"one of two missing", w.send("run", "--out", w.path("out"), file, w.path("none.csv")), false, "none.csv"},
		{"missing column", w.send("run", other), false, "column"},
		{"column that is not there", w.send("run", "--column", "idenity", file), false, "idenity"},
		{"no passcode", w.send("run", file), true, "CLEVERTAP_PASSCODE"},
		{"no account", []string{"run", "--endpoint", w.url, "--yes", file}, false, "CLEVERTAP_ACCOUNT_ID"},
		{"no region", []string{"run", "--account-id", account, "--yes", file}, false, "--region"},
		{"unknown region", []string{"run", "--region", "eu1", "--account-id", account, "--yes", file}, false, "eu"},
		{"http to another host", []string{"run", "--endpoint", "http://api.clevertap.com", "--account-id", account, "--yes", file}, false, "https"},
		{"path", []string{"run", "--endpoint", w.url + "/1/delete/profiles.json", "--account-id", account, "--yes", file}, false, "path"},
		{"no URL", []string{"run", "--endpoint", "api.clevertap.com", "--account-id", account, "--yes", file}, false, "https://"},
		{"world-readable passcode", w.send("run", "--passcode-file", open, file), true, "chmod"},
		{"missing passcode file", w.send("run", "--passcode-file", w.path("none"), file), true, "none"},
		{"unknown flag", w.send("run", "--bathc-size", "5", file), false, "--batch-size"},
		{"batch size", w.send("run", "--batch-size", "101", file), false, "100"},
		{"batch size 0", w.send("run", "--batch-size", "0", file), false, "100"},
		{"concurrency", w.send("run", "--concurrency", "0", file), false, "--concurrency"},
		{"no yes", append(append([]string{"run"}, target...), file), false, "--yes"},
		{"stdin without out", w.send("run", "-"), false, "--out"},
		{"two files without out", w.send("run", file, other), false, "--out"},
		{"limit", w.send("run", "--limit", "-1", file), false, "--limit"},
		{"stop-at", w.send("run", "--stop-at", "25:00", file), false, "--stop-at"},
		{"max-failures", w.send("run", "--max-failures", "many", file), false, "--max-failures"},
		{"retry of nothing", w.send("retry", w.path("none.demerge")), false, "run"},
		{"retry of a folder without a run", w.send("retry", w.path("home")), false, "run"},
		{"status of nothing", []string{"status", w.path("none.demerge")}, false, "run"},
		{"a folder in the way", w.send("run", "--out", file, file), false, ""},
	} {
		v := *w
		if c.unset {
			v.env = slices.DeleteFunc(slices.Clone(w.env), func(kv string) bool { return strings.HasPrefix(kv, "CLEVERTAP_") })
		}
		r := v.run(c.args...)
		lines := strings.Split(strings.TrimSuffix(r.stderr, "\n"), "\n")
		if r.code != 2 || r.stdout != "" || len(lines) != 2 || !strings.HasPrefix(lines[0], "error: ") || !strings.HasPrefix(lines[1], "hint: ") {
			t.Errorf("%s: exit %d, stdout %q, stderr:\n%s", c.name, r.code, r.stdout, r.stderr)
		}
		if !strings.Contains(r.stderr, c.words) {
			t.Errorf("%s: %q is not said in:\n%s", c.name, c.words, r.stderr)
		}
		if strings.Contains(r.stderr, marker) || strings.Contains(r.stderr, passcode) {
			t.Errorf("%s shows an identity or the passcode:\n%s", c.name, r.stderr)
		}
		now := w.list()
		if i > 0 && !slices.Equal(now, files) {
			t.Errorf("%s left something behind: %q, before %q", c.name, now, files)
		}
		files = now
	}
	if b := w.api.Books(); b.Requests != 0 {
		t.Errorf("%d requests were sent", b.Requests)
	}
}
