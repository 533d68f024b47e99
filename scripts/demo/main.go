// Command demo shows the promise in under a minute: it runs bulkdemerge
// against a simulated API in a process of its own, kills the run half-way
// without any warning, starts it again, and compares what the run says with
// what arrived on the other side.
//
// It writes into one folder only, and it ends only the processes that it
// started.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"time"

	"github.com/bulkdemerge/bulkdemerge/internal/sandbox"
)

// repeatsAllowed is what a kill may cost: three requests in flight, 100
// identities each.
const repeatsAllowed = 3 * 100

func main() {
	var d demo
	var dir string
	flag.StringVar(&d.bin, "bin", "demo/bulkdemerge", "the program to show")
	flag.StringVar(&dir, "dir", "demo", "the folder to write into")
	flag.IntVar(&d.records, "records", 200_000, "records in the file")
	flag.DurationVar(&d.latency, "latency", 10*time.Millisecond, "how long the simulated API takes for an answer")
	flag.Parse()
	d.file = filepath.Join(dir, "customers.csv")
	d.run = d.file + ".demerge"

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := d.show(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

type demo struct {
	bin, file, run string
	records        int
	latency        time.Duration
	url            string
}

func (d *demo) show(ctx context.Context) error {
	want, err := d.makeFile(ctx)
	if err != nil {
		return fmt.Errorf("making the file: %w", err)
	}
	stopSandbox, err := d.startSandbox(ctx)
	if err != nil {
		return fmt.Errorf("starting the sandbox: %w", err)
	}
	defer stopSandbox()

	say("run it, and kill it (SIGKILL) when half of them have arrived")
	killed, err := d.runAndKill(ctx, want.Sendable/2)
	if err != nil {
		return err
	}
	say("what the killed run left behind: bulkdemerge status " + d.run)
	if err := d.command(ctx, "status", d.run).Run(); err != nil {
		return fmt.Errorf("asking for the status: %w", err)
	}
	say("start it again: the same command")
	code, err := exitCode(d.command(ctx, d.runArgs()...).Run())
	if err != nil {
		return err
	}
	before, err := d.books(ctx)
	if err != nil {
		return err
	}
	say("and once more: there is nothing left to do")
	again, err := exitCode(d.command(ctx, append(d.runArgs(), "--progress", "none", "--quiet")...).Run())
	if err != nil {
		return err
	}
	after, err := d.books(ctx)
	if err != nil {
		return err
	}
	fmt.Printf("%d requests sent\n", after.Requests-before.Requests)
	r := result{want: want, killed: killed, books: after, idle: after.Requests == before.Requests, codes: [2]int{code, again}}
	if r.summary, err = readSummary(d.run); err != nil {
		return err
	}
	if r.rows, err = countRows(filepath.Join(d.run, "report.csv")); err != nil {
		return err
	}
	say("what the run says, and what arrived at the sandbox")
	if !r.print(os.Stdout) {
		return errors.New("the books do not balance")
	}
	fmt.Printf("\nreport, one row for each record:  %s\n", filepath.Join(d.run, "report.csv"))
	fmt.Printf("as a page:  %s report --html %s %s\n", d.bin, filepath.Join(filepath.Dir(d.file), "report.html"), d.run)
	return nil
}

func say(what string) { fmt.Printf("\n== %s\n", what) }

// makeFile writes the input and returns what must be found in it. What an
// earlier demo left is removed.
func (d *demo) makeFile(ctx context.Context) (sandbox.DirtCounts, error) {
	say(fmt.Sprintf("make %s: %d records with realistic dirt", d.file, d.records))
	var want sandbox.DirtCounts
	if err := os.MkdirAll(filepath.Dir(d.file), 0o755); err != nil {
		return want, err
	}
	if err := os.RemoveAll(d.run); err != nil {
		return want, err
	}
	f, err := os.OpenFile(d.file, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return want, err
	}
	var told strings.Builder
	cmd := d.command(ctx, "sandbox", "--dirt", fmt.Sprint(d.records), "--seed", "1")
	cmd.Stdout, cmd.Stderr = f, io.MultiWriter(&told, os.Stdout)
	if err := errors.Join(cmd.Run(), f.Close()); err != nil {
		return want, err
	}
	_, err = fmt.Sscanf(told.String(), "%d records: %d to send, %d invalid, %d duplicate",
		&want.Records, &want.Sendable, &want.Invalid, &want.Duplicate)
	return want, err
}

// startSandbox serves the simulated API in a process of its own, with a few
// faults: what is refused with 429 or 500 was not taken, so it is no repeat.
func (d *demo) startSandbox(ctx context.Context) (stop func(), err error) {
	args := []string{"sandbox", "--listen", "127.0.0.1:0", "--latency", d.latency.String(), "--faults", "429=1%,500=1%", "--seed", "1"}
	cmd := d.command(ctx, args...)
	cmd.Stdout = nil
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	stop = func() {
		_ = cmd.Process.Kill() // it is ours, and it has nothing to lose
		_ = cmd.Wait()         // says that it was killed
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		stop()
		return nil, fmt.Errorf("reading its address: %w", err)
	}
	d.url = strings.TrimSpace(line)
	say("serve a simulated API: bulkdemerge " + strings.Join(args, " "))
	fmt.Println(d.url)
	return stop, nil
}

func (d *demo) runArgs() []string {
	return []string{"run", "--endpoint", d.url, "--account-id", "DEMO", "--yes", d.file}
}

// command is the program with its output shown. It gets a passcode of its own
// and none of the caller's settings: a demo must reach nobody.
func (d *demo) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, d.bin, args...)
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, "BULKDEMERGE_") && !strings.HasPrefix(kv, "CLEVERTAP_") {
			cmd.Env = append(cmd.Env, kv)
		}
	}
	cmd.Env = append(cmd.Env, "CLEVERTAP_PASSCODE=demo", "BULKDEMERGE_CONFIG="+os.DevNull)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	return cmd
}

// runAndKill starts the run and kills it as soon as so many identities have
// arrived. It returns the books after the kill.
func (d *demo) runAndKill(ctx context.Context, arrived int64) (sandbox.Books, error) {
	cmd := d.command(ctx, d.runArgs()...)
	if err := cmd.Start(); err != nil {
		return sandbox.Books{}, fmt.Errorf("starting the run: %w", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case err := <-ended:
			return sandbox.Books{}, fmt.Errorf("the run ended before it could be killed: %w", end(err))
		case <-tick.C:
		}
		b, err := d.books(ctx)
		if err != nil || b.Distinct >= arrived {
			_ = cmd.Process.Kill()
			if err := <-ended; err == nil {
				return b, errors.New("the run ended before it could be killed")
			}
			fmt.Printf("\nkilled when %d had arrived\n", b.Distinct)
			return b, err
		}
	}
}

// end gives an end without an error a name.
func end(err error) error {
	if err == nil {
		return errors.New("exit 0")
	}
	return err
}

// exitCode takes 0 and 1 as an end: the file has dirt in it, so 1 is right.
func exitCode(err error) (int, error) {
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == 1 {
		return 1, nil
	}
	return 0, err
}

func (d *demo) books(ctx context.Context) (sandbox.Books, error) {
	var b sandbox.Books
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, d.url+sandbox.ControlPrefix+"books", nil)
	if err != nil {
		return b, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return b, fmt.Errorf("asking for the sandbox's books: %w", err)
	}
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(&b); err != nil {
		return b, fmt.Errorf("reading the sandbox's books: %w", err)
	}
	return b, nil
}
