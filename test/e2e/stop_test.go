//go:build unix

package e2e

import (
	"encoding/binary"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/bulkdemerge/bulkdemerge/internal/sandbox"
)

// ready is a world with one CSV file in it.
func ready(t *testing.T, o sandbox.Options, k kind) (*world, string, []want) {
	t.Helper()
	o.Poison = poisoned
	w := newWorld(t, o)
	file := w.path("ids.csv")
	in := csvInput(file, k)
	w.write("ids.csv", in.content)
	return w, file, in.want
}

// accept says that all of these arrived exactly as often as they must, and
// that the run is done.
func (w *world) accept(dir string, wants []want) {
	w.t.Helper()
	if extra := w.books(dir, wants); extra != 0 {
		w.t.Errorf("%d identities arrived once more than they had to", extra)
	}
}

func TestLimit(t *testing.T) {
	t.Parallel()
	w, file, wants := ready(t, sandbox.Options{}, kind{n: 1000, dedupe: true, dup: 20, blank: 20})
	for i := int64(1); i <= 3; i++ {
		w.must(3, w.send("run", "--limit", "250", file)...)
		if b := w.api.Books(); b.Identities != 250*i {
			t.Fatalf("%d identities arrived after start %d", b.Identities, i)
		}
		w.rows(file+".demerge", wants)
	}
	w.must(1, w.send("run", file)...)
	w.accept(file+".demerge", wants)
}

func TestMaxDuration(t *testing.T) {
	t.Parallel()
	w, file, wants := ready(t, sandbox.Options{Latency: 90 * time.Millisecond}, kind{n: 10_000})
	w.must(3, w.send("run", "--max-duration", "1s", file)...)
	if n := w.api.Books().Distinct; n == 0 || n == 10_000 {
		t.Errorf("%d arrived before the deadline", n)
	}
	w.must(0, w.send("run", file)...)
	w.accept(file+".demerge", wants)
}

func TestStopAt(t *testing.T) {
	t.Parallel()
	w, file, wants := ready(t, sandbox.Options{Latency: 150 * time.Millisecond}, kind{n: 10_000})
	// A time zone where the minute ends in one to two seconds; the run takes five.
	local := 12*3600 + 59 - 1
	offset := local - int(time.Now().Unix()%86400)
	zone := w.write("zone", zoneFile(int32(offset)))
	env := w.env
	w.env = append(w.env[:len(w.env):len(w.env)], "TZ="+zone)
	r := w.must(3, w.send("run", "--stop-at", "12:01", file)...)
	w.env = env
	w.says(r.stdout, "--stop-at")
	if n := w.api.Books().Distinct; n == 0 || n == 10_000 {
		t.Errorf("%d arrived before the time to stop", n)
	}
	w.must(0, w.send("run", file)...)
	w.accept(file+".demerge", wants)
}

// zoneFile is a time zone of one offset in seconds (RFC 8536, version 1).
func zoneFile(offset int32) []byte {
	b := append([]byte("TZif"), make([]byte, 16)...)
	for _, count := range []uint32{0, 0, 0, 0, 1, 4} {
		b = binary.BigEndian.AppendUint32(b, count)
	}
	b = binary.BigEndian.AppendUint32(b, uint32(offset))
	return append(b, 0, 0, 'O', 'D', 'D', 0)
}

func TestMaxFailures(t *testing.T) {
	t.Parallel()
	for _, most := range []string{"5", "1%"} {
		w, file, wants := ready(t, sandbox.Options{Latency: time.Millisecond}, kind{n: 20_000, poison: 50, seed: 5})
		r := w.must(3, w.send("run", "--max-failures", most, file)...)
		w.says(r.stderr, "error: ", "--max-failures", "hint: ")
		seen := w.rows(file+".demerge", wants)
		if len(seen) == 0 || len(seen) == 20_000 {
			t.Errorf("%s: stopped after %d records", most, len(seen))
		}
		w.must(1, w.send("run", file)...)
		w.accept(file+".demerge", wants)
	}
}

func TestWrongPasscode(t *testing.T) {
	t.Parallel()
	w, file, wants := ready(t, sandbox.Options{Latency: 5 * time.Millisecond}, kind{n: 5000})
	secret := w.write("passcode", []byte("another-secret\n"))
	r := w.must(3, w.send("run", "--passcode-file", secret, file)...)
	w.says(r.stderr, "401", "passcode", "region")
	if strings.Contains(r.stderr+r.stdout, "another-secret") {
		t.Error("the passcode is shown")
	}
	if rows := reportRows(t, file+".demerge"); len(rows) != 0 {
		t.Errorf("%d rows of nothing that was accepted", len(rows))
	}
	if b := w.api.Books(); b.Requests > 3 {
		t.Errorf("%d requests with wrong credentials", b.Requests)
	}
	w.must(0, w.send("run", file)...)
	w.accept(file+".demerge", wants)
}

func TestOutage(t *testing.T) {
	t.Parallel()
	w, file, wants := ready(t, sandbox.Options{Latency: 10 * time.Millisecond}, kind{n: 20_000})
	p := w.start(nil, w.send("run", "--max-outage", "1s", file)...)
	until(func() bool { return w.api.Books().Requests > 20 || p.ended() })
	w.api.SetDown(true)
	r := p.wait()
	w.coded(3, r)
	w.says(r.stderr, "error: ", "503", "hint: ")
	for _, row := range reportRows(t, file+".demerge") {
		if row.status != "accepted" {
			t.Fatalf("an outage made a row %s", row.status)
		}
	}
	if n := w.api.Books().Answers["503"]; n > 30 {
		t.Errorf("%d requests into the outage", n)
	}
	w.api.SetDown(false)
	w.must(0, w.send("run", file)...)
	w.accept(file+".demerge", wants)
}

func TestTwoAtOnce(t *testing.T) {
	t.Parallel()
	w, file, wants := ready(t, sandbox.Options{Latency: 30 * time.Millisecond}, kind{n: 20_000})
	p := w.start(nil, w.send("run", file)...)
	until(func() bool { return w.api.Books().Requests > 3 || p.ended() })
	w.api.SetDown(true) // so that it is there as long as it is looked for
	r := w.must(4, w.send("run", file)...)
	w.says(r.stderr, fmt.Sprintf("process %d ", p.cmd.Process.Pid), "hint: ")
	w.must(4, w.send("retry", file+".demerge")...)
	w.api.SetDown(false)
	other := w.write("other.csv", []byte("identity\n"+marker+"-other\n"))
	r = w.must(0, w.send("run", other)...)
	w.says(r.stderr, "account", fmt.Sprintf("process %d ", p.cmd.Process.Pid))
	w.coded(0, p.wait())
	wants = append(wants, want{id: marker + "-other"}) // so that the books know it
	if b := w.api.Books(); b.Repeated != 0 || int(b.Distinct) != len(wants) {
		t.Errorf("the API's books: %+v", b)
	}
}

func TestCutOffInput(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{nil, {"--dedupe=false"}} {
		w := newWorld(t, sandbox.Options{Latency: time.Millisecond})
		file := w.path("ids.csv.gz")
		in := csvInput(file, kind{n: 5_000, dedupe: args == nil, dup: 50})
		whole := gzipped(t, in.content)
		for _, share := range []int{30, 60, 90} {
			w.write("ids.csv.gz", whole[:len(whole)*share/100])
			r := w.must(5, w.send("run", append(args, file)...)...)
			w.says(r.stderr, "error: ", "ids.csv.gz", "hint: ")
			w.rows(file+".demerge", in.want)
			was := w.api.Books().Requests
			w.must(5, w.send("run", append(args, file)...)...)
			if now := w.api.Books().Requests; now != was {
				t.Errorf("the same damage again sent %d requests", now-was)
			}
		}
		w.write("ids.csv.gz", whole)
		w.must(0, w.send("run", append(args, file)...)...)
		w.accept(file+".demerge", in.want)
	}
}

// An answer from another place is no reason to take it for the API.
func TestRedirect(t *testing.T) {
	t.Parallel()
	elsewhere := make(chan string, 10)
	w := newWorldBehind(t, sandbox.Options{}, func(http.Handler) http.Handler {
		return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/elsewhere" {
				elsewhere <- r.Header.Get("X-CleverTap-Passcode")
			}
			http.Redirect(rw, r, "/elsewhere", http.StatusTemporaryRedirect)
		})
	})
	file := w.write("ids.csv", []byte("identity\n"+marker+"-1\n"))
	r := w.must(3, w.send("run", file)...)
	w.says(r.stderr, "error: ", "307", "hint: ")
	if len(elsewhere) > 0 {
		t.Error("the redirect was followed")
	}
}
