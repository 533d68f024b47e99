//go:build unix

package main

import (
	"bufio"
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/spf13/cobra"
)

// noTerminal is where an example that would reach CleverTap is held.
const noTerminal = "error: there is no terminal to confirm on, and a demerge can't be undone\n"

// shop is a folder as the examples expect it.
type shop struct {
	t   *testing.T
	dir string
}

func newShop(t *testing.T) *shop {
	t.Helper()
	s := &shop{t, t.TempDir()}
	if err := os.WriteFile(filepath.Join(s.dir, "passcode"), []byte("open-sesame\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return s
}

// command is a shell line, to be run in the folder.
func (s *shop) command(line string) *exec.Cmd {
	cmd := exec.Command("sh", "-c", line)
	cmd.Dir = s.dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + s.dir, "TMPDIR=" + s.dir, "GORACE=atexit_sleep_ms=0", "LC_ALL=C"}
	return cmd
}

// run runs a line and returns its exit code and what it wrote to stderr.
func (s *shop) run(line string) (code int, stdout, stderr string) {
	s.t.Helper()
	var out, said bytes.Buffer
	cmd := s.command(line)
	cmd.Stdout, cmd.Stderr = &out, &said
	var exit *exec.ExitError
	if err := cmd.Run(); errors.As(err, &exit) {
		code = exit.ExitCode()
	} else if err != nil {
		s.t.Fatalf("%s: %v", line, err)
	}
	return code, out.String(), said.String()
}

// prepare runs lines that must go well.
func (s *shop) prepare(lines ...string) {
	s.t.Helper()
	for _, line := range lines {
		if code, _, stderr := s.run(line); code > 1 {
			s.t.Fatalf("%s: exit %d\n%s", line, code, stderr)
		}
	}
}

// try runs an example as somebody would who pastes it.
func (s *shop) try(line string) {
	s.t.Helper()
	if strings.HasPrefix(line, "bulkdemerge sandbox ") && !strings.Contains(line, "--dirt") {
		s.serve(line)
		return
	}
	code, _, stderr := s.run(line)
	switch {
	case strings.Contains(line, "bulkdemerge run --region"):
		if code != 2 || !strings.HasPrefix(stderr, noTerminal) {
			s.t.Errorf("%s: exit %d, it should stop before it sends, and for want of a terminal\n%s", line, code, stderr)
		}
	case strings.Contains(line, "bulkdemerge retry --region"): // its run was one of the sandbox
		if code != 2 || !strings.Contains(stderr, "the other side was loopback when the run began and is real now") {
			s.t.Errorf("%s: exit %d, it should stop before it sends, at the run's settings\n%s", line, code, stderr)
		}
	case code > 1 || strings.Contains(stderr, "error:"):
		s.t.Errorf("%s: exit %d\n%s", line, code, stderr)
	}
}

// serve runs an example that serves until Ctrl-C.
func (s *shop) serve(line string) {
	s.t.Helper()
	cmd := s.command("exec " + regexp.MustCompile(`127\.0\.0\.1:[0-9]+`).ReplaceAllString(line, "127.0.0.1:0"))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	url, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || !strings.HasPrefix(url, "http://127.0.0.1:") {
		s.t.Errorf("%s: it says %q, %v", line, url, err)
	}
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		s.t.Error(err)
	}
	if err := cmd.Wait(); err != nil {
		s.t.Errorf("%s: after Ctrl-C: %v", line, err)
	}
}

// examplesOf are an example's lines as a shell takes them.
func examplesOf(text string) []string {
	var lines []string
	for line := range strings.Lines(strings.ReplaceAll(text, "\\\n", "")) {
		if line = strings.Join(strings.Fields(line), " "); line != "" && line[0] != '#' {
			lines = append(lines, line)
		}
	}
	return lines
}

// commands are a command and all below it that people see.
func commands(cmd *cobra.Command) []*cobra.Command {
	list := []*cobra.Command{cmd}
	for _, c := range cmd.Commands() {
		if !c.Hidden {
			list = append(list, commands(c)...)
		}
	}
	return list
}

func TestHelpBeginsWithASentenceAndExamplesThatWork(t *testing.T) {
	a := &app{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr}
	for _, cmd := range commands(a.root()) {
		t.Run(cmd.Name(), func(t *testing.T) {
			t.Parallel()
			if cmd.Example == "" || cmd.Short == "" {
				t.Fatal("it has no sentence or no example")
			}
			s := newShop(t)
			_, text, _ := s.run(strings.TrimPrefix(cmd.CommandPath()+" --help", "bulkdemerge bulkdemerge"))
			if !strings.HasPrefix(text, cmd.Short+"\n\n"+cmd.Example+"\n") {
				t.Errorf("help begins with\n%s", text)
			}
			for line := range strings.Lines(text) {
				if len(line) > 100 {
					t.Errorf("a line of help has %d columns: %s", len(line), line)
				}
			}
			s.prepare(
				"bulkdemerge sandbox --dirt 300 --seed 3 > customers.csv",
				"bulkdemerge run --sandbox --out customers.csv.demerge customers.csv",
			)
			for _, line := range examplesOf(cmd.Example) {
				if cmd.Name() == "run" && strings.Contains(line, "--region") { // a new run of the real API
					s.prepare("rm -r customers.csv.demerge")
				}
				s.try(line)
			}
		})
	}
}

// blocks are the fenced blocks of a language in a page.
func blocks(page, language string) []string {
	var found []string
	for _, m := range regexp.MustCompile("(?ms)^```"+language+"\n(.*?)^```$").FindAllStringSubmatch(page, -1) {
		found = append(found, m[1])
	}
	return found
}

// TestReadme runs the blocks marked sh, one after the other in one folder, as a
// newcomer does.
func TestReadme(t *testing.T) {
	page, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	list := blocks(string(page), "sh")
	if len(list) == 0 {
		t.Error("no block is marked sh")
	}
	s := newShop(t)
	for _, block := range list {
		for _, line := range examplesOf(block) {
			s.try(line)
		}
	}
	// Commands that would reach CleverTap are shown as console: they are held
	// to their flags.
	root := (&app{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr}).root()
	for _, block := range blocks(string(page), "console") {
		for _, line := range examplesOf(block) {
			line, _, _ = strings.Cut(line, " #")
			words := strings.Fields(line)
			if len(words) < 2 || words[0] != "bulkdemerge" {
				continue
			}
			cmd, rest, err := root.Find(words[1:])
			if err == nil {
				err = cmd.ParseFlags(rest)
			}
			if err != nil {
				t.Errorf("%s: %v", line, err)
			}
		}
	}
}
