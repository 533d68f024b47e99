//go:build unix

package ui

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/creack/pty"
)

// noRaceSleep spares the second that the race detector waits for at each exit.
const noRaceSleep = "GORACE=atexit_sleep_ms=0"

// asking is a process that asks on a terminal which the test types on.
type asking struct {
	cmd    *exec.Cmd
	user   *os.File // the terminal's other side
	stdout bytes.Buffer
}

// startAsking starts one and waits until it asks.
func startAsking(t *testing.T) *asking {
	t.Helper()
	user, tty, err := pty.Open()
	if err != nil {
		t.Skipf("this machine has no pty: %v", err)
	}
	t.Cleanup(func() { _ = user.Close() })
	a := &asking{cmd: exec.Command(os.Args[0]), user: user}
	a.cmd.Env = append(os.Environ(), askVariable+"=1", noRaceSleep)
	a.cmd.Stdin = strings.NewReader("the data")
	a.cmd.Stdout = &a.stdout
	a.cmd.Stderr = tty
	a.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 2}
	err = a.cmd.Start()
	_ = tty.Close()
	if err != nil {
		t.Fatal(err)
	}
	var seen []byte
	for !bytes.HasSuffix(seen, []byte("type the account id to go on: ")) {
		b := make([]byte, 1)
		if _, err := user.Read(b); err != nil {
			t.Fatalf("it ended after %q: %v; stdout %s", seen, err, a.stdout.String())
		}
		seen = append(seen, b[0])
	}
	return a
}

// types types, and returns what the process says of it.
func (a *asking) types(t *testing.T, keys string) string {
	t.Helper()
	if _, err := io.WriteString(a.user, keys); err != nil {
		t.Fatal(err)
	}
	if err := a.cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	return a.stdout.String()
}

func TestConfirmOnATerminal(t *testing.T) {
	tests := []struct{ name, keys, want string }{
		{"right answer", "ABC-123-4DE\r", "err: <nil>\nended: false\nstdin: the data\n"},
		{"corrected answer", "ABX\x7fC-123-4DE\r", "err: <nil>\nended: false\nstdin: the data\n"},
		{"wrong answer", "ABC\r", "err: not confirmed, nothing was sent\nended: false\nstdin: the data\n"},
		{"Ctrl-D", "\x04", "err: not confirmed, nothing was sent: there was no answer\nended: false\nstdin: the data\n"},
		{"Ctrl-C", "\x03", "err: not confirmed, nothing was sent: interrupt signal received\nended: true\nstdin: the data\n"},
		{"Ctrl-C amid the answer", "ABC-123-4DE\x03", "err: not confirmed, nothing was sent: interrupt signal received\nended: true\nstdin: the data\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := startAsking(t).types(t, tt.keys); got != tt.want {
				t.Errorf("it says\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}

func TestNoTerminalToAskOn(t *testing.T) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), askVariable+"=1", noRaceSleep)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // a session without a terminal
	out, _ := cmd.Output()
	if cmd.ProcessState.ExitCode() != 2 || !strings.HasPrefix(string(out), "no terminal: there is no terminal to ask on") {
		t.Errorf("exit %d: %s", cmd.ProcessState.ExitCode(), out)
	}
}

// counter counts the bytes that a terminal's other side will see.
type counter struct {
	w io.Writer
	n int
}

func (c *counter) Write(p []byte) (int, error) {
	c.n += len(p) + bytes.Count(p, []byte("\n")) // the driver adds the returns
	return c.w.Write(p)
}

func TestBarOnATerminal(t *testing.T) {
	user, tty, err := pty.Open()
	if err != nil {
		t.Skipf("this machine has no pty: %v", err)
	}
	defer user.Close()
	defer tty.Close()
	if !IsTerminal(tty) {
		t.Error("a terminal is none")
	}
	scr := &screen{}
	out := &counter{w: tty}
	bar := NewBar(out, Width(tty), false)
	look := func() {
		t.Helper()
		b := make([]byte, out.n)
		out.n = 0
		if _, err := io.ReadFull(user, b); err != nil {
			t.Fatal(err)
		}
		_, _ = scr.Write(b)
	}
	resize := func(columns int) {
		t.Helper()
		if err := pty.Setsize(tty, &pty.Winsize{Rows: 24, Cols: uint16(columns)}); err != nil {
			t.Fatal(err)
		}
		scr.resize(columns)
	}
	bar.rates.add(Snapshot{Phase: PhaseSending, BytesTotal: 1000, Counts: Counts{Accepted: 1_205_067}})
	for _, step := range []struct {
		columns int
		want    string
	}{
		{80, "42% [==>     ] 2,950/s, 14s left, 12 rejected, 3 failed, 41 retries, 2/3 slots"},
		{40, "42% 2,950/s, 14s left, 12 rejected"},
		{60, "42% [===>       ] 2,950/s, 14s left, 12 rejected, 3 failed"},
	} {
		resize(step.columns)
		bar.Update(busy())
		look()
		if got := scr.text(); len(got) != 1 || got[0] != step.want {
			t.Errorf("at %d columns: %q, want %q", step.columns, got, step.want)
		}
	}
	resize(40)
	bar.Close()
	look()
	if got := scr.text(); len(got) != 2 || got[0] != "42% 1,234,567 accepted, 12 rejected" || got[1] != "" {
		t.Errorf("at the end: %q", got)
	}
}
