//go:build unix

package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"go.uber.org/goleak"

	"github.com/bulkdemerge/bulkdemerge/internal/sandbox"
)

// patience is how long a story waits for what must happen; it is no timing.
const patience = 20 * time.Second

// leakChecked are the tests, and after them a look at what they left running.
type leakChecked struct{ m *testing.M }

func (l leakChecked) Run() int {
	code := l.m.Run()
	if code != 0 {
		return code
	}
	if err := goleak.Find(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// TestMain makes this test binary the command: each story starts it as a
// process of its own.
func TestMain(m *testing.M) {
	testscript.Main(leakChecked{m}, map[string]func(){
		"bulkdemerge": func() {
			if os.Getenv("STORY_TERMINAL") == "" {
				_, _ = syscall.Setsid() // out of reach of the terminal that the tests run on
			}
			main()
		},
	})
}

func TestStories(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup:               setup,
		Cmds:                storyCommands(),
	})
}

func setup(env *testscript.Env) error {
	home := filepath.Join(env.WorkDir, "home")
	env.Setenv("HOME", home)
	env.Setenv("TMPDIR", env.WorkDir)
	env.Setenv("TZ", "UTC")
	env.Setenv("GORACE", "atexit_sleep_ms=0")
	env.Values[booksKey{}] = map[string]*sandbox.Server{}
	if err := os.MkdirAll(home, 0o700); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(env.WorkDir, "passcode"), []byte("open-sesame\n"), 0o600)
}

func storyCommands() map[string]func(*testscript.TestScript, bool, []string) {
	return map[string]func(*testscript.TestScript, bool, []string){
		"sandbox":  cmdSandbox,
		"books":    cmdBooks,
		"until":    cmdUntil,
		"control":  cmdControl,
		"json":     cmdJSON,
		"mode":     cmdMode,
		"loglines": cmdLogLines,
		"lines":    cmdLines,
		"ids":      cmdIDs,
		"absent":   cmdAbsent,
		"repeat":   cmdRepeat,
		"exits":    cmdExits,
		"gzipped":  cmdGzipped,
		"printed":  cmdPrinted,
		"sigterm":  cmdSigterm,
	}
}

// booksKey finds the sandboxes of a story, by their URL.
type booksKey struct{}

func servers(ts *testscript.TestScript) map[string]*sandbox.Server {
	return ts.Value(booksKey{}).(map[string]*sandbox.Server)
}

// cmdSandbox starts a simulated API in the test's process. $API is its URL from
// then on.
//
//	sandbox [-latency 2ms] [-faults 503=100%] [-poison bad] [-partial] [-account A] [-passcode P]
func cmdSandbox(ts *testscript.TestScript, neg bool, args []string) {
	if neg {
		ts.Fatalf("unsupported: ! sandbox")
	}
	var o sandbox.Options
	fs := flag.NewFlagSet("sandbox", flag.ContinueOnError)
	fs.DurationVar(&o.Latency, "latency", 0, "")
	faults := fs.String("faults", "", "")
	poison := fs.String("poison", "", "")
	fs.BoolVar(&o.PoisonPartial, "partial", false, "")
	fs.StringVar(&o.Account, "account", "", "")
	fs.StringVar(&o.Passcode, "passcode", "", "")
	ts.Check(fs.Parse(args))
	var err error
	o.Faults, err = sandbox.ParseFaults(*faults)
	ts.Check(err)
	if *poison != "" {
		o.Poison = func(id string) bool { return strings.Contains(id, *poison) }
	}
	server := sandbox.New(o)
	l, err := sandbox.Listen("127.0.0.1:0", server)
	ts.Check(err)
	ts.Defer(func() { _ = l.Close() }) // cuts connections that a killed run has left
	servers(ts)[l.URL] = server
	ts.Setenv("API", l.URL)
}

func server(ts *testscript.TestScript) *sandbox.Server {
	s := servers(ts)[ts.Getenv("API")]
	if s == nil {
		ts.Fatalf("the story has no sandbox")
	}
	return s
}

// cmdBooks checks what arrived: books requests=6 distinct=520 repeated=0
func cmdBooks(ts *testscript.TestScript, neg bool, args []string) {
	b := server(ts).Books()
	have := map[string]int64{
		"requests": b.Requests, "identities": b.Identities, "distinct": b.Distinct, "repeated": b.Repeated,
		"in_flight": int64(b.MaxInFlight), "wrong_path": b.WrongPath,
	}
	for _, arg := range args {
		name, want, op := cutCondition(ts, arg)
		got, ok := have[name]
		if !ok {
			ts.Fatalf("the books have no %s", name)
		}
		if op(got, want) == neg {
			ts.Fatalf("books: %s is %d, story says %s", name, got, arg)
		}
	}
}

// cutCondition reads name=N, name<=N or name>=N.
func cutCondition(ts *testscript.TestScript, arg string) (name string, want int64, op func(a, b int64) bool) {
	op = func(a, b int64) bool { return a == b }
	name, number, ok := strings.Cut(arg, "=")
	switch {
	case !ok:
		ts.Fatalf("%q is no condition", arg)
	case strings.HasSuffix(name, "<"):
		name, op = name[:len(name)-1], func(a, b int64) bool { return a <= b }
	case strings.HasSuffix(name, ">"):
		name, op = name[:len(name)-1], func(a, b int64) bool { return a >= b }
	}
	want, err := strconv.ParseInt(number, 10, 64)
	ts.Check(err)
	return name, want, op
}

// cmdUntil waits until so many identities have arrived, or so many more than
// now: until 300, until +300
func cmdUntil(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: until N")
	}
	want, err := strconv.ParseInt(args[0], 10, 64)
	ts.Check(err)
	s := server(ts)
	if strings.HasPrefix(args[0], "+") {
		want += s.Books().Identities
	}
	for deadline := time.Now().Add(patience); s.Books().Identities < want; time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			ts.Fatalf("%d identities arrived, waited for %d", s.Books().Identities, want)
		}
	}
}

// cmdControl tells the sandbox what to do: control down for=4s
func cmdControl(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: control PATH QUERY")
	}
	name, value, _ := strings.Cut(args[1], "=")
	query := url.Values{name: {value}}
	resp, err := http.Post(ts.Getenv("API")+sandbox.ControlPrefix+args[0]+"?"+query.Encode(), "", nil)
	ts.Check(err)
	ts.Check(resp.Body.Close())
	http.DefaultClient.CloseIdleConnections()
	if resp.StatusCode != http.StatusOK {
		ts.Fatalf("the sandbox answers %s", resp.Status)
	}
}

// cmdMode checks the permissions of files: mode 0600 a b
func cmdMode(ts *testscript.TestScript, neg bool, args []string) {
	want, err := strconv.ParseUint(args[0], 8, 32)
	ts.Check(err)
	for _, name := range args[1:] {
		info, err := os.Stat(ts.MkAbs(name))
		ts.Check(err)
		if (uint64(info.Mode().Perm()) == want) == neg {
			ts.Fatalf("%s has mode %04o", name, info.Mode().Perm())
		}
	}
}

// cmdAbsent checks that none of the files is there, nor anything beside it
// that begins with its name.
func cmdAbsent(ts *testscript.TestScript, neg bool, args []string) {
	for _, name := range args {
		matches, err := filepath.Glob(ts.MkAbs(name))
		ts.Check(err)
		if (len(matches) == 0) == neg {
			ts.Fatalf("there is %v", matches)
		}
	}
}

// cmdIDs writes an input file: ids FILE COUNT [PREFIX] [HEADER]
func cmdIDs(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: ids FILE COUNT [PREFIX] [HEADER]")
	}
	count, err := strconv.Atoi(args[1])
	ts.Check(err)
	prefix, header := "client-", "identity"
	if len(args) > 2 {
		prefix = args[2]
	}
	if len(args) > 3 {
		header = args[3]
	}
	var b strings.Builder
	b.WriteString(header + "\n")
	for i := range count {
		fmt.Fprintf(&b, "%s%d\n", prefix, i)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(b.String()), 0o644))
}

// cmdExits runs a command and checks its exit code: exits 2 bulkdemerge run
func cmdExits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	code := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		code = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if code != want {
		ts.Fatalf("exit code %d, story says %d", code, want)
	}
}

// cmdSigterm ends the process that runs a run directory as a system does that
// shuts down: sigterm DIR
func cmdSigterm(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: sigterm DIR")
	}
	var holder struct {
		PID int `json:"pid"`
	}
	ts.Check(json.Unmarshal([]byte(fileOf(ts, filepath.Join(args[0], "run.lock"))), &holder))
	if holder.PID <= 1 {
		ts.Fatalf("nobody holds %s", args[0])
	}
	ts.Check(syscall.Kill(holder.PID, syscall.SIGTERM))
}

// cmdGzipped compresses a file, and leaves out its last bytes: gzipped FROM TO [BYTES]
func cmdGzipped(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: gzipped FROM TO [BYTES]")
	}
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write([]byte(fileOf(ts, args[0])))
	ts.Check(errors.Join(err, w.Close()))
	missing := 0
	if len(args) > 2 {
		missing, err = strconv.Atoi(args[2])
		ts.Check(err)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), b.Bytes()[:b.Len()-missing], 0o644))
}

// cmdPrinted checks that stdout or stderr is exactly these lines, whatever
// stands for ... in them: printed stderr 'error: no file given' 'hint: ...'
func cmdPrinted(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: printed stdout|stderr LINE...")
	}
	text := fileOf(ts, args[0])
	var want []string
	for _, line := range args[1:] {
		want = append(want, strings.ReplaceAll(regexp.QuoteMeta(line), `\.\.\.`, `[^\n]*`)+"\n")
	}
	if !regexp.MustCompile("^" + strings.Join(want, "") + "$").MatchString(text) {
		ts.Fatalf("%s is\n%s", args[0], text)
	}
}

// cmdRepeat runs a command until it succeeds or fails with what is expected:
// repeat PATTERN-IN-STDOUT COMMAND... waits for a state that a process beside
// the story brings about.
func cmdRepeat(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: repeat WORDS COMMAND...")
	}
	for deadline := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		err := ts.Exec(args[1], args[2:]...)
		out := ts.ReadFile("stdout")
		if err == nil && strings.Contains(out, args[0]) {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("no %q within %s: %v\n%s", args[0], patience, err, out)
		}
	}
}

// fileOf is the text of a file, of stdout or of stderr.
func fileOf(ts *testscript.TestScript, name string) string {
	if name == "stdout" || name == "stderr" {
		return ts.ReadFile(name)
	}
	b, err := os.ReadFile(ts.MkAbs(name))
	if errors.Is(err, fs.ErrNotExist) {
		ts.Fatalf("there is no file %s", name)
	}
	ts.Check(err)
	return string(b)
}
