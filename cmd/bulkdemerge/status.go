package main

import (
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/bulkdemerge/bulkdemerge/pkg/pipeline"
	"github.com/bulkdemerge/bulkdemerge/pkg/report"
)

func (a *app) statusCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "status DIR",
		Short: "Show how far a run is, running or not",
		Example: `  bulkdemerge status customers.csv.demerge
  bulkdemerge status --json customers.csv.demerge`,
		Args: needDir,
		RunE: func(cmd *cobra.Command, args []string) error {
			if _, err := a.resolve(cmd); err != nil {
				return err
			}
			st, err := pipeline.Look(args[0], nil)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(a.stdout, st)
			}
			return a.showStatus(st)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "one JSON object on stdout")
	return cmd
}

func (a *app) showStatus(st pipeline.Status) error {
	if err := st.WriteText(a.stdout, report.Style{Color: a.colourOut()}); err != nil {
		return fmt.Errorf("writing the status: %w", err)
	}
	var more strings.Builder
	if st.Progress != nil && st.State != report.StateFinished {
		fmt.Fprintf(&more, "  input    %.0f %% settled\n", math.Floor(*st.Progress*100))
	}
	if st.PID != 0 {
		fmt.Fprintf(&more, "  process  %d\n", st.PID)
	}
	switch {
	case st.Retry == nil:
	case st.Retry.Damage != "":
		fmt.Fprintf(&more, "  retry    %s; retry says what to do\n", st.Retry.Damage)
	default:
		fmt.Fprintf(&more, "  retry    not finished, %s rows settled so far; the same retry command goes on\n", humanize.Comma(st.Retry.Settled))
	}
	if _, err := io.WriteString(a.stdout, more.String()); err != nil {
		return fmt.Errorf("writing the status: %w", err)
	}
	return nil
}
