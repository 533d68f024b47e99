//go:build unix

package e2e

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bulkdemerge/bulkdemerge/internal/sandbox"
)

const (
	account  = "TEST-ACC-0UNT"
	passcode = "open-sesame-3141592653"
)

// world is a folder with files, an API, and an environment of its own.
type world struct {
	t   *testing.T
	dir string
	api *sandbox.Server
	url string
	env []string
}

// newWorld serves an API that has seen nobody.
func newWorld(t *testing.T, o sandbox.Options) *world {
	t.Helper()
	w := bareWorld(t, o)
	l, err := sandbox.Listen("127.0.0.1:0", w.api)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	w.url = l.URL
	return w
}

// newWorldBehind puts a handler of the test's in front of the API.
func newWorldBehind(t *testing.T, o sandbox.Options, front func(api http.Handler) http.Handler) *world {
	t.Helper()
	w := bareWorld(t, o)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: front(w.api), ReadHeaderTimeout: time.Minute}
	served := make(chan error, 1)
	go func() { served <- s.Serve(ln) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	w.url = "http://" + ln.Addr().String()
	return w
}

// worksOn is an API that finishes what it has begun, whether its client is
// still there or not, as real ones do.
func worksOn(api http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		api.ServeHTTP(rw, r.WithContext(context.WithoutCancel(r.Context())))
	})
}

func bareWorld(t *testing.T, o sandbox.Options) *world {
	if err := depend(); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, name := range []string{"home", "tmp"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	o.Account, o.Passcode = account, passcode
	return &world{t: t, dir: dir, api: sandbox.New(o), env: []string{
		"HOME=" + filepath.Join(dir, "home"), "TMPDIR=" + filepath.Join(dir, "tmp"),
		"PATH=" + os.Getenv("PATH"), "CLEVERTAP_PASSCODE=" + passcode,
	}}
}

// path is a file of the world's folder.
func (w *world) path(name string) string { return filepath.Join(w.dir, name) }

// write makes a file, or changes it.
func (w *world) write(name string, content []byte) string {
	w.t.Helper()
	if err := os.WriteFile(w.path(name), content, 0o600); err != nil {
		w.t.Fatal(err)
	}
	return w.path(name)
}

func (w *world) read(name string) []byte {
	w.t.Helper()
	b, err := os.ReadFile(w.path(name))
	if err != nil {
		w.t.Fatal(err)
	}
	return b
}

// send is a command line that sends to this world's API.
func (w *world) send(command string, args ...string) []string {
	return append([]string{command, "--endpoint", w.url, "--account-id", account, "--yes", "--progress", "none"}, args...)
}

// result is what a process came to.
type result struct {
	code           int // -1: ended by a signal
	stdout, stderr string
}

// proc is a running process.
type proc struct {
	t    *testing.T
	cmd  *exec.Cmd
	out  bytes.Buffer
	errs bytes.Buffer
	done chan struct{}
	err  error // what waiting came to, once done is closed
}

// start runs the binary; stdin may be nil.
func (w *world) start(stdin io.Reader, args ...string) *proc {
	w.t.Helper()
	return w.startAs(stdin, program, args...)
}

func (w *world) startAs(stdin io.Reader, name string, args ...string) *proc {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	p := &proc{t: w.t, cmd: exec.CommandContext(ctx, name, args...)}
	p.cmd.Dir, p.cmd.Env, p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = w.dir, w.env, stdin, &p.out, &p.errs
	p.cmd.WaitDelay = 5 * time.Second
	if err := p.cmd.Start(); err != nil {
		cancel()
		w.t.Fatal(err)
	}
	p.done = make(chan struct{})
	go func() {
		defer close(p.done)
		p.err = p.cmd.Wait()
		cancel()
	}()
	return p
}

// ended tells whether the process has.
func (p *proc) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// wait is the process's end.
func (p *proc) wait() result {
	p.t.Helper()
	<-p.done
	var exit *exec.ExitError
	if p.err != nil && !errors.As(p.err, &exit) {
		p.t.Fatal(p.err)
	}
	return result{p.cmd.ProcessState.ExitCode(), p.out.String(), p.errs.String()}
}

func (p *proc) signal(s syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.t.Fatal(err)
	}
}

// run runs the binary to its end.
func (w *world) run(args ...string) result {
	w.t.Helper()
	return w.start(nil, args...).wait()
}

// must runs the binary to its end, which must have this exit code.
func (w *world) must(code int, args ...string) result {
	w.t.Helper()
	r := w.run(args...)
	w.coded(code, r)
	return r
}

func (w *world) coded(code int, r result) {
	w.t.Helper()
	if r.code != code {
		w.t.Fatalf("exit %d, want %d; stdout:\n%sstderr:\n%s", r.code, code, r.stdout, r.stderr)
	}
}

// says checks that each of the words is there.
func (w *world) says(where string, words ...string) {
	w.t.Helper()
	for _, word := range words {
		if !strings.Contains(where, word) {
			w.t.Errorf("%q is not said in:\n%s", word, where)
		}
	}
}

// until waits until cond holds, or the process has ended, or patience has.
func until(cond func() bool) bool {
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if cond() {
			return true
		}
	}
	return false
}

// list is what stands in the world's folder.
func (w *world) list() []string {
	w.t.Helper()
	entries, err := os.ReadDir(w.dir)
	if err != nil {
		w.t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}
