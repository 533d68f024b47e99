// Command picture records docs/terminal.svg: a real run in a real terminal
// (tmux), stopped with Ctrl-C on the way and started again. What is seen is what
// the program wrote; nothing is drawn by hand.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

const (
	columns = 104
	lines   = 25
	every   = 200 * time.Millisecond // between two looks at the screen
	typing  = 35 * time.Millisecond  // between two keys
	records = 60_000
)

func main() {
	bin := flag.String("bin", "demo/bulkdemerge", "the program to record")
	dir := flag.String("dir", "demo", "the folder to work in")
	out := flag.String("o", "docs/terminal.svg", "the picture to write")
	flag.Parse()
	if err := record(context.Background(), *bin, *dir, *out); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func record(ctx context.Context, bin, dir, out string) error {
	if _, err := exec.LookPath("tmux"); err != nil {
		return fmt.Errorf("recording needs tmux: %w", err)
	}
	t, err := open(ctx, bin, dir)
	if err != nil {
		return err
	}
	defer t.close()
	if err := t.story(); err != nil {
		return err
	}
	if err := os.WriteFile(out, render(t.frames), 0o644); err != nil {
		return fmt.Errorf("writing the picture: %w", err)
	}
	fmt.Printf("%s: %d frames\n", out, len(t.frames))
	return nil
}

// terminal is a tmux server of our own with one window.
type terminal struct {
	ctx    context.Context
	socket string
	dir    string
	frames []frame
}

// frame is a screen and how long it is shown.
type frame struct {
	screen string // with the escapes of its colours
	lasts  time.Duration
}

func open(ctx context.Context, bin, dir string) (*terminal, error) {
	t := &terminal{ctx: ctx, socket: fmt.Sprintf("bulkdemerge-picture-%d", os.Getpid()), dir: dir}
	bin, err := filepath.Abs(bin)
	if err != nil {
		return nil, err
	}
	if err := os.RemoveAll(filepath.Join(dir, "customers.csv.sandbox")); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(dir, "customers.csv"), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, bin, "sandbox", "--dirt", fmt.Sprint(records), "--seed", "1")
	cmd.Stdout = f
	if err := errors.Join(cmd.Run(), f.Close()); err != nil {
		return nil, fmt.Errorf("making the sample file: %w", err)
	}
	_, err = t.tmux("-f", os.DevNull, "new-session", "-d", "-x", fmt.Sprint(columns), "-y", fmt.Sprint(lines),
		"-c", dir, "env", "-u", "NO_COLOR", "PS1=$ ", "PATH="+filepath.Dir(bin)+":"+os.Getenv("PATH"), "bash", "--norc", "--noprofile")
	if err != nil {
		return nil, err
	}
	if _, err := t.tmux("set", "-g", "status", "off"); err != nil {
		return nil, errors.Join(err, t.close())
	}
	return t, nil
}

func (t *terminal) close() error {
	_, err := t.tmux("kill-server") // the server of our own socket
	return err
}

func (t *terminal) tmux(args ...string) (string, error) {
	out, err := exec.CommandContext(t.ctx, "tmux", append([]string{"-L", t.socket}, args...)...).Output()
	if err != nil {
		return "", fmt.Errorf("tmux %s: %w", args[0], err)
	}
	return string(out), nil
}

// story is what the picture tells.
func (t *terminal) story() error {
	share := regexp.MustCompile(`(?m)^ *(4[5-9]|5\d)% `)
	const command = "bulkdemerge run --sandbox customers.csv"
	if err := t.enter(command); err != nil {
		return err
	}
	if err := t.watch(func(screen string) bool { return share.MatchString(screen) }); err != nil {
		return err
	}
	if _, err := t.tmux("send-keys", "C-c"); err != nil {
		return err
	}
	if err := t.watch(func(screen string) bool { return strings.Contains(screen, "stopped: ") }); err != nil {
		return err
	}
	t.linger(2500 * time.Millisecond)
	if err := t.enter(command); err != nil {
		return err
	}
	if err := t.watch(func(screen string) bool { return strings.Contains(screen, "finished: ") }); err != nil {
		return err
	}
	t.linger(8 * time.Second)
	return nil
}

// enter types a line and Enter.
func (t *terminal) enter(text string) error {
	for _, key := range strings.Split(text, "") {
		if _, err := t.tmux("send-keys", "-l", key); err != nil {
			return err
		}
		time.Sleep(typing)
		if err := t.look(typing); err != nil {
			return err
		}
	}
	_, err := t.tmux("send-keys", "Enter")
	return err
}

// watch looks at the screen until it shows what is waited for.
func (t *terminal) watch(until func(screen string) bool) error {
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(every) {
		if err := t.look(every); err != nil {
			return err
		}
		if until(t.frames[len(t.frames)-1].screen) {
			return nil
		}
	}
	return fmt.Errorf("the screen didn't show within a minute what the story waits for:\n%s", t.frames[len(t.frames)-1].screen)
}

// look takes the screen as it stands into the picture.
func (t *terminal) look(lasts time.Duration) error {
	screen, err := t.tmux("capture-pane", "-e", "-p")
	if err != nil {
		return err
	}
	if n := len(t.frames); n > 0 && t.frames[n-1].screen == screen {
		t.frames[n-1].lasts += lasts
		return nil
	}
	t.frames = append(t.frames, frame{screen, lasts})
	return nil
}

// linger shows the last screen for longer.
func (t *terminal) linger(d time.Duration) { t.frames[len(t.frames)-1].lasts += d }
