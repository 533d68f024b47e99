package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/bulkdemerge/bulkdemerge/internal/hint"
	"github.com/bulkdemerge/bulkdemerge/internal/ui"
	"github.com/bulkdemerge/bulkdemerge/pkg/pipeline"
	"github.com/bulkdemerge/bulkdemerge/pkg/report"
	"github.com/bulkdemerge/bulkdemerge/pkg/sender"
)

// runFlags are the flags of run; retry takes those that apply.
type runFlags struct {
	input    inputFlags
	target   targetFlags
	send     sendFlags
	show     showFlags
	out      string
	yes      bool
	restart  bool
	profiles profileFlags
}

func (a *app) runCommand() *cobra.Command {
	var f runFlags
	cmd := &cobra.Command{
		Use:   "run FILE...",
		Short: "Demerge every identity of the files, or go on where an earlier start was stopped",
		Long: `A demerge can't be undone. What is known about the run is kept in FILE.demerge/
(FILE.sandbox/ with --sandbox): the report with one row for every record, and
what going on needs. Start, resume and "already done" are the same command.

Each flag may stand in the environment as well, as BULKDEMERGE_REGION, or in
the config file, as region = "in1". The passcode is never a flag.

Exit codes: 0 everything accepted, 1 done but some records are rejected, failed
or invalid, 2 wrong usage or input and nothing sent, 3 stopped early and the
same command goes on, 4 another process is at it, 5 the input is damaged.`,
		Example: `  bulkdemerge run --sandbox customers.csv
  bulkdemerge run --region in1 --account-id ABC-123-4DE \
    --passcode-file passcode --limit 100 customers.csv`,
		Args: needFiles,
		RunE: func(cmd *cobra.Command, args []string) error { return a.run(cmd, args, &f) },
	}
	addFlags(cmd, "Whom to send to", f.target.add)
	addFlags(cmd, "What to read, the same for the life of a run", f.input.add)
	addFlags(cmd, "How to send", f.send.add)
	addFlags(cmd, "Run", func(fs *pflag.FlagSet) {
		fs.StringVar(&f.out, "out", "", "run directory `DIR` (default: FILE.demerge)")
		fs.BoolVar(&f.yes, "yes", false, "ask nothing: needed where there is no terminal")
		fs.BoolVar(&f.restart, "restart", false, "forget the old run of this directory (kept aside, never deleted)")
		f.show.add(fs)
		f.profiles.add(fs)
	})
	return cmd
}

func needFiles(_ *cobra.Command, args []string) error {
	if len(args) == 0 {
		return hint.New("no file given", "name the files that hold the identities, or - for stdin")
	}
	return nil
}

func (a *app) run(cmd *cobra.Command, args []string, f *runFlags) error {
	if _, err := a.resolve(cmd); err != nil {
		return err
	}
	o, err := a.runOptions(cmd, args, f)
	if err != nil {
		return err
	}
	stopProfiles, err := f.profiles.start()
	if err != nil {
		return err
	}
	defer stopProfiles()
	ctx, stop := stopOnSignal(cmd.Context())
	defer stop()
	if !f.target.sandbox {
		boundCollector()
	}
	screen := a.screen(&f.show)
	o.Logger = screen.log
	s, err := pipeline.Open(ctx, o)
	if err != nil {
		return err
	}
	defer s.Close()
	if !f.yes && !f.target.sandbox && !s.Untouched() {
		e := s.Estimate(ctx)
		err := a.confirm(ctx, ui.Plan{
			Files: e.Files, Records: e.Records, Done: e.Done, Limit: o.Limit, Requests: e.Requests, Duration: e.Duration,
		}, &o)
		if err != nil {
			return err
		}
	}
	screen.log.Info("run", "to", o.Host, "account", o.Sender.AccountID, "inputs", len(o.Inputs), "dir", o.Dir, "program", o.Tool)
	a.notices(&o, screen)
	before, resumed := s.Resumed()
	sum, err := screen.watch(s.Snapshot, func() (report.Summary, error) { return s.Run(ctx) })
	if err != nil {
		return err
	}
	if resumed && before.Finished && before.Records == sum.Records && sum.State == report.StateFinished && !f.show.quiet {
		a.info("it was finished already: this start has sent nothing")
	}
	return a.conclude(sum, f.show.quiet)
}

// runOptions makes the run's options of flags, environment and config file.
func (a *app) runOptions(cmd *cobra.Command, args []string, f *runFlags) (pipeline.Options, error) {
	o := pipeline.Options{Inputs: args, Reader: f.input.reader(a.stdin), Restart: f.restart, Tool: "bulkdemerge " + versionText()}
	var err error
	if o.Batcher, err = f.input.batcher(); err != nil {
		return o, err
	}
	if o.Dir, err = outDir(f.out, args, f.target.sandbox); err != nil {
		return o, err
	}
	o.Command, o.RetryCommand, o.ReportCommand = again(cmd, args), retryOf(cmd, o.Dir), reportOf(o.Dir)
	o.Pinned = f.input.pinned()
	o.RestCommand = restOf(cmd, args)
	return o, a.applyTarget(cmd, &o, f)
}

// applyTarget says whom to send to and how, and pins what of it must not
// change between starts.
func (a *app) applyTarget(cmd *cobra.Command, o *pipeline.Options, f *runFlags) error {
	if err := f.target.apply(cmd, o, a.environ); err != nil {
		return err
	}
	if err := f.send.apply(o, time.Now()); err != nil {
		return err
	}
	if o.Pinned == nil {
		o.Pinned = map[string]string{}
	}
	o.Pinned["--account-id"] = o.Sender.AccountID
	o.Pinned["the other side"] = "real"
	if o.Loopback {
		o.Pinned["the other side"] = "loopback"
	}
	return nil
}

// stopOnSignal cancels the context at the first signal; the second one ends
// the process at once, as a kill would.
func stopOnSignal(ctx context.Context) (context.Context, func()) {
	if ctx == nil {
		ctx = context.Background()
	}
	ctx, cancel := context.WithCancelCause(ctx)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, stopSignals...)
	done := make(chan struct{})
	go func() {
		select {
		case sig := <-signals:
			cancel(pipeline.NewStop(pipeline.StopSignal, "stopped by "+signalName(sig), ""))
		case <-done:
			return
		}
		select {
		case <-signals:
			os.Exit(pipeline.ExitStopped)
		case <-done:
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		close(done)
		cancel(nil)
	}
}

// signalName is a signal as people know it.
func signalName(sig os.Signal) string {
	if sig == os.Interrupt {
		return "Ctrl-C (SIGINT)"
	}
	return "SIGTERM"
}

// confirm asks on the terminal itself, so that stdin can be data.
func (a *app) confirm(ctx context.Context, p ui.Plan, o *pipeline.Options) error {
	tty, err := ui.OpenTTY()
	if err != nil {
		return hint.New("there is no terminal to confirm on, and a demerge can't be undone", "add --yes if it is meant")
	}
	defer tty.Close()
	p.Host, p.Account = o.Host, o.Sender.AccountID
	err = ui.Confirm(ctx, tty, p)
	if err != nil && ctx.Err() != nil {
		return &pipeline.Error{Code: pipeline.ExitStopped, Err: hint.Wrap(err, "the same command asks again")}
	}
	if err != nil && hintOf(err) == "" {
		err = hint.Wrap(err, "type the account id and Enter, or add --yes where nobody can")
	}
	return err
}

// notices tell what a person should know before it begins.
func (a *app) notices(o *pipeline.Options, sc *screen) {
	if proxy := sender.ProxyFor(o.Sender.Endpoint); proxy != "" && !o.Sandbox {
		sc.log.Warn("requests go through a proxy", "proxy", proxy, "set_by", "HTTPS_PROXY")
	}
	if o.Sandbox {
		return
	}
	lock, other := pipeline.LockAccount(o.Sender.AccountID, o.Dir, time.Now())
	sc.account = lock
	if other != "" {
		sc.log.Warn("another run of this account is under way on this machine; the two share the account's slots", "other", other)
	}
}

// conclude prints the summary and what ended the run early.
func (a *app) conclude(sum report.Summary, quiet bool) error {
	if stop := sum.Stop; stop != nil && sum.ExitCode != pipeline.ExitDone {
		switch stop.Kind {
		case pipeline.StopLimit, pipeline.StopDeadline, pipeline.StopSignal: // as told: no error
		default:
			a.fail(hint.New(stop.Message, stop.Hint))
			said := *stop
			said.Hint = "" // once is enough
			sum.Stop = &said
		}
	}
	if !quiet {
		if err := sum.WriteText(a.stdout, report.Style{Color: a.colourOut()}); err != nil {
			// The run has come to what it has come to.
			a.fail(hint.Wrap(fmt.Errorf("writing the summary: %w", errors.Unwrap(err)), "it is in "+filepath.Join(filepath.Dir(sum.Report), pipeline.SummaryFile)))
		}
	}
	if sum.ExitCode != pipeline.ExitDone {
		return exit(sum.ExitCode)
	}
	return nil
}

// colourOut tells whether stdout is a terminal that wants colours.
func (a *app) colourOut() bool {
	f, ok := a.stdout.(*os.File)
	return ok && ui.IsTerminal(f) && a.env("NO_COLOR") == "" && a.env("TERM") != "dumb"
}

func (a *app) env(name string) string {
	for _, kv := range a.environ {
		if value, ok := strings.CutPrefix(kv, name+"="); ok {
			return value
		}
	}
	return ""
}

// screen is what a run shows while it goes on.
type screen struct {
	kind    string // bar, log or none
	bar     *ui.Bar
	log     *slog.Logger
	account io.Closer
}

func (a *app) screen(f *showFlags) *screen {
	terminal := ui.IsTerminal(a.stderr) && a.logFormat != "json" // a bar is no JSON
	sc := &screen{kind: ui.Choose(f.progress.String(), terminal, a.env("TERM"), f.quiet)}
	if sc.kind == "bar" {
		sc.bar = ui.NewBar(a.stderr, ui.Width(a.stderr), a.env("NO_COLOR") == "")
		sc.log = ui.NewLogger(sc.bar, f.logFormat.String(), slog.LevelWarn)
		return sc
	}
	level := slog.LevelInfo
	if f.quiet || sc.kind == "none" {
		level = slog.LevelWarn
	}
	sc.log = ui.NewLogger(a.stderr, f.logFormat.String(), level)
	return sc
}

// watch shows how a run goes while it goes.
func (sc *screen) watch(snapshot func() pipeline.Snapshot, run func() (report.Summary, error)) (report.Summary, error) {
	if sc.account != nil {
		defer sc.account.Close()
	}
	var p ui.Progress
	every := time.Second
	switch sc.kind {
	case "bar":
		p, every = sc.bar, 100*time.Millisecond
	case "log":
		p = ui.NewLog(sc.log)
	default:
		return run()
	}
	stop := ui.Drive(context.Background(), p, every, func() ui.Snapshot { return shown(snapshot()) })
	defer stop()
	return run()
}

func shown(s pipeline.Snapshot) ui.Snapshot {
	out := ui.Snapshot{
		BytesRead: s.Read, BytesTotal: s.Total, Counts: ui.Counts(s.Counts),
		Requests: s.Stats.Requests, Retries: s.Stats.Retries, InFlight: s.Stats.InFlight, Slots: s.Stats.Slots,
		Waiting: s.Stats.Waiting, WaitingSince: s.Stats.WaitingSince, Phase: s.Phase,
	}
	if !s.Started.IsZero() {
		out.Elapsed = time.Since(s.Started)
	}
	return out
}
