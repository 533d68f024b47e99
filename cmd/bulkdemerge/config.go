package main

import (
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func (a *app) configCommand() *cobra.Command {
	var f runFlags
	var latency time.Duration
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Show the settings in force and where each comes from",
		Long: `The first that there is counts: a flag, an environment variable such as
BULKDEMERGE_REGION, the profile, the top of the config file, the default. The
passcode is never shown.`,
		Example: `  bulkdemerge config
  bulkdemerge config --region in1 --rate 10`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := a.resolve(cmd)
			if err != nil {
				return err
			}
			file := "none, " + configPlace() + " is not there"
			if r.Config != "" {
				file = r.Config
			}
			if _, err := fmt.Fprintf(a.stdout, "config file: %s\n\n", file); err != nil {
				return fmt.Errorf("writing the settings: %w", err)
			}
			w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
			for _, e := range r.Entries() {
				if fl := cmd.Flags().Lookup(e.Name); fl != nil && (fl.Hidden || e.Name == "help") {
					continue
				}
				if e.Value == "" {
					e.Value = "-"
				}
				fmt.Fprintf(w, "%s\t%s\t%s\n", e.Name, e.Value, e.Origin)
			}
			return w.Flush()
		},
	}
	addFlags(cmd, "Whom to send to", f.target.add)
	addFlags(cmd, "What to read", f.input.add)
	addFlags(cmd, "How to send", f.send.add)
	addFlags(cmd, "Run", func(fs *pflag.FlagSet) {
		fs.StringVar(&f.out, "out", "", "run directory `DIR` (default: FILE.demerge)")
		fs.BoolVar(&f.yes, "yes", false, "ask nothing")
		fs.BoolVar(&f.restart, "restart", false, "forget the old run at each start")
		fs.DurationVar(&latency, "assume-latency", 100*time.Millisecond, "plan: how long the API takes for an answer")
		f.show.add(fs)
	})
	return cmd
}
