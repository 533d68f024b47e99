package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/bulkdemerge/bulkdemerge/internal/hint"
	"github.com/bulkdemerge/bulkdemerge/internal/ui"
	"github.com/bulkdemerge/bulkdemerge/pkg/pipeline"
	"github.com/bulkdemerge/bulkdemerge/pkg/sender"
)

func (a *app) planCommand() *cobra.Command {
	var (
		input    inputFlags
		show     showFlags
		profiles profileFlags
		latency  time.Duration
		slots    int
		rate     float64
		asJSON   bool
	)
	cmd := &cobra.Command{
		Use:   "plan FILE...",
		Short: "Read everything, send nothing: counts, problems, warnings, requests and time",
		Example: `  bulkdemerge plan customers.csv
  bulkdemerge plan --json --column customer,identity customers.csv`,
		Long: `The exit code is 1 where records are invalid, 5 where the input is damaged.`,
		Args: needFiles,
		RunE: func(cmd *cobra.Command, args []string) error {
			if _, err := a.resolve(cmd); err != nil {
				return err
			}
			if latency < 0 || slots < 1 || rate < 0 {
				return hint.New("--assume-latency, --concurrency or --rate is out of range", "see --help for what they take")
			}
			batches, err := input.batcher()
			if err != nil {
				return err
			}
			end, err := profiles.start()
			if err != nil {
				return err
			}
			defer end()
			ctx, stop := stopOnSignal(cmd.Context())
			defer stop()
			o := pipeline.PlanOptions{
				Inputs: args, Reader: input.reader(a.stdin), Batcher: batches, Latency: latency, Concurrency: slots, Rate: rate,
			}
			res, err := a.watchPlan(ctx, o, &show)
			if err != nil {
				return err
			}
			res.Next = biteOf(cmd, args)
			return a.showPlan(res, asJSON)
		},
	}
	addFlags(cmd, "What to read", input.add)
	addFlags(cmd, "How long it will take", func(fs *pflag.FlagSet) {
		fs.DurationVar(&latency, "assume-latency", 100*time.Millisecond, "how long the API takes for an answer")
		fs.IntVar(&slots, "concurrency", sender.DefaultConcurrency, "requests at once")
		fs.Float64Var(&rate, "rate", 0, "requests a second at most")
	})
	addFlags(cmd, "Output", func(fs *pflag.FlagSet) {
		fs.BoolVar(&asJSON, "json", false, "one JSON object on stdout")
		show.add(fs)
		profiles.add(fs)
	})
	return cmd
}

// watchPlan plans, with a bar on a terminal.
func (a *app) watchPlan(ctx context.Context, o pipeline.PlanOptions, show *showFlags) (pipeline.PlanResult, error) {
	sc := a.screen(show)
	if sc.bar == nil {
		return pipeline.Plan(ctx, o)
	}
	stop := func() {}
	began := time.Now()
	o.Watch = func(progress func() (int64, int64)) {
		stop = ui.Drive(context.Background(), sc.bar, 100*time.Millisecond, func() ui.Snapshot {
			read, total := progress()
			return ui.Snapshot{BytesRead: read, BytesTotal: total, Phase: ui.PhaseReading, Elapsed: time.Since(began)}
		})
	}
	res, err := pipeline.Plan(ctx, o)
	stop()
	return res, err
}

func (a *app) showPlan(res pipeline.PlanResult, asJSON bool) error {
	if asJSON {
		if err := printJSON(a.stdout, res); err != nil {
			return err
		}
	} else if err := res.WriteText(a.stdout); err != nil {
		return fmt.Errorf("writing the plan: %w", err)
	}
	if res.Damage != "" {
		a.fail(hint.New(res.Damage, "mend the input; what was whole is counted"))
	}
	if res.ExitCode != pipeline.ExitDone {
		return exit(res.ExitCode)
	}
	return nil
}

// printJSON writes one JSON object for scripts.
func printJSON(w interface{ Write([]byte) (int, error) }, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("writing JSON: %w", err)
	}
	return nil
}
