package main

import (
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/bulkdemerge/bulkdemerge/internal/hint"
	"github.com/bulkdemerge/bulkdemerge/internal/ui"
	"github.com/bulkdemerge/bulkdemerge/pkg/batcher"
	"github.com/bulkdemerge/bulkdemerge/pkg/pipeline"
	"github.com/bulkdemerge/bulkdemerge/pkg/report"
)

// retryFlags are the flags of run that apply.
type retryFlags struct {
	target    targetFlags
	send      sendFlags
	show      showFlags
	batchSize int
	rejected  bool
	yes       bool
}

func (a *app) retryCommand() *cobra.Command {
	var f retryFlags
	cmd := &cobra.Command{
		Use:   "retry DIR",
		Short: "Send again what a run left as failed (--rejected: those too)",
		Long: `The report is written anew with what became of them, still one row for each
record. A retry that was stopped goes on with the same command.`,
		Example: `  bulkdemerge retry --region in1 --account-id ABC-123-4DE \
    --passcode-file passcode customers.csv.demerge`,
		Args: needDir,
		RunE: func(cmd *cobra.Command, args []string) error { return a.retry(cmd, args[0], &f) },
	}
	addFlags(cmd, "What to send again", func(fs *pflag.FlagSet) {
		fs.BoolVar(&f.rejected, "rejected", false, "also what the API refused")
	})
	addFlags(cmd, "Whom to send to", f.target.add)
	addFlags(cmd, "How to send", func(fs *pflag.FlagSet) {
		fs.IntVar(&f.batchSize, "batch-size", batcher.MaxBatchSize, "identities in a request, 1 to 100")
		f.send.add(fs)
	})
	addFlags(cmd, "Run", func(fs *pflag.FlagSet) {
		fs.BoolVar(&f.yes, "yes", false, "ask nothing: needed where there is no terminal")
		f.show.add(fs)
	})
	return cmd
}

func needDir(_ *cobra.Command, args []string) error {
	if len(args) != 1 {
		given := "no run directory is given"
		if len(args) > 1 {
			given = fmt.Sprintf("%d run directories are given, one is needed", len(args))
		}
		return hint.New(given, "name the run directory, such as customers.csv.demerge")
	}
	return nil
}

func (a *app) retry(cmd *cobra.Command, dir string, f *retryFlags) error {
	if _, err := a.resolve(cmd); err != nil {
		return err
	}
	run := runFlags{target: f.target, send: f.send, out: dir, input: inputFlags{batchSize: f.batchSize}}
	o, err := a.retryOptions(cmd, dir, &run)
	if err != nil {
		return err
	}
	ctx, stop := stopOnSignal(cmd.Context())
	defer stop()
	screen := a.screen(&f.show)
	o.Logger = screen.log
	r, err := pipeline.OpenRetry(ctx, o, f.rejected)
	if err != nil {
		return err
	}
	defer r.Close()
	if r.Nothing() {
		if !f.show.quiet {
			a.info("the report has no row to send again")
		}
		screen.kind = "none"
	} else if !f.yes && !f.target.sandbox {
		e := r.Estimate()
		err := a.confirm(ctx, ui.Plan{
			Files: []string{filepath.Join(dir, "report.csv")}, Records: e.Records, Done: e.Done, Limit: o.Limit,
			Requests: e.Requests, Duration: e.Duration, Exact: true,
		}, &o)
		if err != nil {
			return err
		}
	}
	a.notices(&o, screen)
	sum, err := screen.watch(r.Snapshot, func() (report.Summary, error) { return r.Run(ctx) })
	if err != nil {
		return err
	}
	return a.conclude(sum, f.show.quiet)
}

func (a *app) retryOptions(cmd *cobra.Command, dir string, run *runFlags) (pipeline.Options, error) {
	o := pipeline.Options{
		Dir: dir, Tool: "bulkdemerge " + versionText(),
		Command: again(cmd, []string{dir}), RetryCommand: retryOf(cmd, dir), ReportCommand: reportOf(dir),
	}
	var err error
	if o.Batcher, err = run.input.batcher(); err != nil {
		return o, err
	}
	return o, a.applyTarget(cmd, &o, run)
}
