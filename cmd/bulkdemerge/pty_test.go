//go:build unix

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"

	"github.com/bulkdemerge/bulkdemerge/internal/sandbox"
)

// terminal is the command on a terminal that the test types on.
type terminal struct {
	t    *testing.T
	cmd  *exec.Cmd
	user *os.File // the terminal's other side
	read chan struct{}

	mu   sync.Mutex
	seen bytes.Buffer // everything that came to the screen
	out  bytes.Buffer // stdout, where it is not the terminal
}

// seat says how the command sits at its terminal.
type seat struct {
	columns int
	env     []string
	stdin   io.Reader // nil: the terminal
	apart   bool      // stdout is a file
}

// sit starts the command in dir on a terminal of its own.
func sit(t *testing.T, dir string, s seat, args ...string) *terminal {
	t.Helper()
	user, tty, err := pty.Open()
	if err != nil {
		t.Skipf("this machine has no pty: %v", err)
	}
	if s.columns == 0 {
		s.columns = 80
	}
	if err := pty.Setsize(tty, &pty.Winsize{Rows: 24, Cols: uint16(s.columns)}); err != nil {
		t.Fatal(err)
	}
	term := &terminal{t: t, cmd: exec.Command("bulkdemerge", args...), user: user, read: make(chan struct{})}
	term.cmd.Dir = dir
	term.cmd.Env = append([]string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "TMPDIR=" + dir, "TERM=xterm-256color",
		"GORACE=atexit_sleep_ms=0", "STORY_TERMINAL=1", "CLEVERTAP_PASSCODE=open-sesame",
	}, s.env...)
	term.cmd.Stdin, term.cmd.Stdout, term.cmd.Stderr = tty, tty, tty
	if s.stdin != nil {
		term.cmd.Stdin = s.stdin
	}
	if s.apart {
		term.cmd.Stdout = &term.out
	}
	term.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 2}
	err = term.cmd.Start()
	_ = tty.Close()
	if err != nil {
		t.Fatal(err)
	}
	go term.watch()
	t.Cleanup(func() {
		_ = term.cmd.Process.Kill()
		_ = user.Close()
		<-term.read
	})
	return term
}

// watch collects what comes to the screen, until the command has gone.
func (term *terminal) watch() {
	defer close(term.read)
	b := make([]byte, 4096)
	for {
		n, err := term.user.Read(b)
		term.mu.Lock()
		term.seen.Write(b[:n])
		term.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func (term *terminal) screen() string {
	term.mu.Lock()
	defer term.mu.Unlock()
	return term.seen.String()
}

// await waits until the screen has shown the pattern, and returns the match.
func (term *terminal) await(pattern string) string {
	term.t.Helper()
	re := regexp.MustCompile(pattern)
	for deadline := time.Now().Add(patience); ; time.Sleep(2 * time.Millisecond) {
		if m := re.FindString(term.screen()); m != "" {
			return m
		}
		if time.Now().After(deadline) {
			term.t.Fatalf("no %q on the screen:\n%s", pattern, term.screen())
		}
	}
}

func (term *terminal) types(keys string) {
	term.t.Helper()
	if _, err := io.WriteString(term.user, keys); err != nil {
		term.t.Fatal(err)
	}
}

// exit waits for the end and returns the exit code.
func (term *terminal) exit() int {
	term.t.Helper()
	err := term.cmd.Wait()
	<-term.read
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode()
	}
	if err != nil {
		term.t.Fatal(err)
	}
	return 0
}

// api starts a simulated API and writes ids.csv of so many identities.
func api(t *testing.T, o sandbox.Options, identities int) (dir string, server *sandbox.Server, url string) {
	t.Helper()
	dir, server = t.TempDir(), sandbox.New(o)
	l, err := sandbox.Listen("127.0.0.1:0", server)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	var b strings.Builder
	b.WriteString("identity\n")
	for i := range identities {
		fmt.Fprintf(&b, "client-%d\n", i)
	}
	if err := os.WriteFile(filepath.Join(dir, "ids.csv"), []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir, server, l.URL
}

const question = "type the account id to go on: $"

func TestConfirmation(t *testing.T) {
	tests := []struct {
		name, keys string
		code       int
		arrived    int64
		says       string
	}{
		{"right answer", "ABC-1\r", 0, 250, "finished: all 250 identities accepted"},
		{"wrong answer", "ABC-2\r", 2, 0, "error: not confirmed, nothing was sent\r\nhint: type the account id exactly as it stands there\r\n"},
		{"no answer", "\x04", 2, 0, "error: not confirmed, nothing was sent: there was no answer\r\n"},
		{"Ctrl-C", "AB\x03", 3, 0, "error: not confirmed, nothing was sent: stopped by Ctrl-C (SIGINT)\r\n"},
	}
	for _, columns := range []int{80, 40} {
		for _, tt := range tests {
			t.Run(fmt.Sprintf("%s at %d columns", tt.name, columns), func(t *testing.T) {
				t.Parallel()
				dir, server, url := api(t, sandbox.Options{}, 250)
				term := sit(t, dir, seat{columns: columns}, "run", "--endpoint", url, "--account-id", "ABC-1", "ids.csv")
				term.await(question)
				for _, want := range []string{
					"account   ABC-1\r\n", "host      " + strings.TrimPrefix(url, "http://"), "files     ids.csv\r\n",
					"records   about 250\r\n", "requests  about 3\r\n", "can't be undone",
				} {
					if !strings.Contains(term.screen(), want) {
						t.Errorf("the question does not say %q:\n%s", want, term.screen())
					}
				}
				if n := server.Books().Requests; n != 0 {
					t.Errorf("%d requests before the answer", n)
				}
				term.types(tt.keys)
				if code := term.exit(); code != tt.code || !strings.Contains(term.screen(), tt.says) {
					t.Errorf("exit %d, want %d and %q:\n%s", code, tt.code, tt.says, term.screen())
				}
				if n := server.Books().Distinct; n != tt.arrived {
					t.Errorf("%d identities arrived, want %d", n, tt.arrived)
				}
				if _, err := os.Stat(filepath.Join(dir, "ids.csv.demerge")); (err == nil) != (tt.arrived > 0) {
					t.Errorf("the run directory: %v", err)
				}
			})
		}
	}
}

func TestStdinIsDataAndTheQuestionIsOnTheTerminal(t *testing.T) {
	dir, server, url := api(t, sandbox.Options{}, 0)
	term := sit(t, dir, seat{stdin: strings.NewReader("one\ntwo\nthree\n"), apart: true},
		"run", "--endpoint", url, "--account-id", "ABC-1", "--format", "text", "--out", "here", "-")
	term.await(question)
	term.types("ABC-1\r")
	if code := term.exit(); code != 0 || server.Books().Distinct != 3 {
		t.Errorf("exit %d, %d arrived:\n%s", code, server.Books().Distinct, term.screen())
	}
	if !strings.HasPrefix(term.out.String(), "finished: all 3 identities accepted\n") || strings.Contains(term.screen(), "finished:") {
		t.Errorf("stdout is %q, the terminal has %q", term.out.String(), term.screen())
	}
	if strings.Contains(term.out.String(), "\x1b") {
		t.Errorf("colours in a file: %q", term.out.String())
	}
}

// TestRetryAsksToo: and with exact figures, because the rows are known.
func TestRetryAsksToo(t *testing.T) {
	dir, server, url := api(t, sandbox.Options{Faults: sandbox.Faults{Internal: 1}}, 250)
	term := sit(t, dir, seat{}, "run", "--endpoint", url, "--account-id", "ABC-1", "--yes", "--keep-going", "--max-attempts", "1", "ids.csv")
	if code := term.exit(); code != 1 {
		t.Fatalf("exit %d:\n%s", code, term.screen())
	}
	server.SetFaults(sandbox.Faults{})
	term = sit(t, dir, seat{}, "retry", "--endpoint", url, "--account-id", "ABC-1", "ids.csv.demerge")
	term.await(question)
	for _, want := range []string{"records   250\r\n", "requests  3\r\n", "files     ids.csv.demerge/report.csv\r\n"} {
		if !strings.Contains(term.screen(), want) {
			t.Errorf("the question does not say %q:\n%s", want, term.screen())
		}
	}
	if strings.Contains(term.screen(), "estimates") {
		t.Errorf("the figures are exact:\n%s", term.screen())
	}
	term.types("ABC-1\r")
	if code := term.exit(); code != 0 || server.Books().Distinct != 250 {
		t.Errorf("exit %d, %d arrived:\n%s", code, server.Books().Distinct, term.screen())
	}
}

// lastBar is the bar as it was drawn last before the line ended.
func lastBar(screen string) string {
	for _, line := range strings.Split(screen, "\n") {
		if strings.Contains(line, "% ") && strings.Contains(line, "\r") {
			drawn := strings.Split(strings.TrimRight(line, "\r"), "\r")
			return strings.TrimRight(drawn[len(drawn)-1], " ")
		}
	}
	return ""
}

func TestBar(t *testing.T) {
	for _, columns := range []int{80, 40} {
		t.Run(fmt.Sprint(columns), func(t *testing.T) {
			t.Parallel()
			dir, server, url := api(t, sandbox.Options{Latency: 20 * time.Millisecond}, 9000)
			term := sit(t, dir, seat{columns: columns, env: []string{"NO_COLOR=1"}}, "run", "--endpoint", url, "--account-id", "ABC-1", "--yes", "ids.csv")
			term.await(`[1-9][0-9]?% `)
			server.SetDown(true)
			term.await(`waiting: API answers 503 since [0-9]+ s`)
			if strings.Contains(term.screen(), "100% ") {
				t.Errorf("it promises too much:\n%q", term.screen())
			}
			server.SetDown(false)
			if code := term.exit(); code != 0 {
				t.Errorf("exit %d", code)
			}
			bars, summary, _ := strings.Cut(term.screen(), "finished: ")
			if strings.Contains(term.screen(), "\x1b") {
				t.Errorf("an escape in spite of NO_COLOR:\n%q", term.screen())
			}
			for _, drawn := range regexp.MustCompile(`[\r\n]+`).Split(bars, -1) {
				if len(drawn) >= columns {
					t.Errorf("a bar of %d columns on %d: %q", len(drawn), columns, drawn)
				}
			}
			if got := lastBar(bars); !strings.HasPrefix(got, "100% ") || !strings.Contains(got, "9,000 accepted") {
				t.Errorf("the last bar is %q", got)
			}
			if !strings.HasPrefix(summary, "all 9,000 identities accepted\r\n") {
				t.Errorf("the summary is %q", summary)
			}
		})
	}
}

func TestCtrlCOnTheBar(t *testing.T) {
	dir, server, url := api(t, sandbox.Options{Latency: 20 * time.Millisecond}, 9000)
	term := sit(t, dir, seat{}, "run", "--endpoint", url, "--account-id", "ABC-1", "--yes", "ids.csv")
	term.await(`[1-9][0-9]?% `)
	server.SetDown(true)
	term.await("waiting: ")
	term.types("\x03")
	if code := term.exit(); code != 3 {
		t.Errorf("exit %d", code)
	}
	for _, want := range []string{"stopped: ", "why      \x1b[33mstopped by Ctrl-C (SIGINT)", "next     \x1b[1mbulkdemerge run --endpoint " + url} {
		if !strings.Contains(term.screen(), want) {
			t.Errorf("no %q:\n%q", want, term.screen())
		}
	}
	b := server.Books()
	if b.Distinct == 0 || b.Distinct == 9000 || b.Repeated != 0 {
		t.Errorf("%+v", b)
	}
	// What next says, pasted.
	server.SetDown(false)
	next := regexp.MustCompile(`next +\x1b\[1m(.*?)\x1b`).FindStringSubmatch(term.screen())
	if next == nil {
		t.Fatalf("no next command:\n%q", term.screen())
	}
	again := sit(t, dir, seat{}, strings.Fields(next[1])[1:]...)
	if code := again.exit(); code != 0 || server.Books().Distinct != 9000 || server.Books().Repeated != 0 {
		t.Errorf("exit %d, %+v", code, server.Books())
	}
}

func TestOtherTerminals(t *testing.T) {
	tests := []struct {
		name  string
		seat  seat
		args  []string
		shows string // a pattern
		hides string
	}{
		{"dumb", seat{env: []string{"TERM=dumb"}}, nil, `level=INFO msg=started[^\x1b]*finished: `, `\x1b|% \[`},
		{"quiet", seat{}, []string{"--quiet"}, "", "."},
		{"none", seat{}, []string{"--progress", "none"}, `^\x1b\[1;32mfinished: `, "% "},
		{"log", seat{}, []string{"--progress", "log"}, "msg=started", `% \[`},
		{"JSON", seat{}, []string{"--log-format", "json"}, `"msg":"started"`, `% \[`},
		{"bar", seat{}, nil, `100% \[=+\] .*accepted`, "msg="},
		{"no colour", seat{env: []string{"NO_COLOR=1"}}, nil, "finished: ", `\x1b`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir, _, url := api(t, sandbox.Options{}, 250)
			args := append([]string{"run", "--endpoint", url, "--account-id", "ABC-1", "--yes", "ids.csv"}, tt.args...)
			term := sit(t, dir, tt.seat, args...)
			if code := term.exit(); code != 0 {
				t.Errorf("exit %d", code)
			}
			if tt.shows != "" && !regexp.MustCompile("(?s)"+tt.shows).MatchString(term.screen()) {
				t.Errorf("no %q in\n%q", tt.shows, term.screen())
			}
			if m := regexp.MustCompile(tt.hides).FindString(term.screen()); m != "" {
				t.Errorf("%q in\n%q", m, term.screen())
			}
		})
	}
}
