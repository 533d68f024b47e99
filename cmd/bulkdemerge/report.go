package main

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/bulkdemerge/bulkdemerge/internal/hint"
	"github.com/bulkdemerge/bulkdemerge/pkg/pipeline"
	"github.com/bulkdemerge/bulkdemerge/pkg/report"
)

type reportFlags struct {
	json, failed, rejected bool
	html, to               string
}

func (a *app) reportCommand() *cobra.Command {
	var f reportFlags
	cmd := &cobra.Command{
		Use:   "report DIR",
		Short: "Show the summary of a run for people; --html FILE writes a page",
		Long: `The page needs no network. --failed and --rejected write the identities of those
rows back as an input file, to stdout or with --to into a file that only you can
read.`,
		Example: `  bulkdemerge report customers.csv.demerge
  bulkdemerge report --html report.html customers.csv.demerge
  bulkdemerge report --rejected --to rejected.csv customers.csv.demerge`,
		Args: needDir,
		RunE: func(cmd *cobra.Command, args []string) error {
			if _, err := a.resolve(cmd); err != nil {
				return err
			}
			return a.report(args[0], &f)
		},
	}
	fs := cmd.Flags()
	fs.SortFlags = false
	fs.BoolVar(&f.json, "json", false, "one JSON object on stdout")
	fs.StringVar(&f.html, "html", "", "write a page to this `FILE`; it holds identities, only you can read it")
	fs.BoolVar(&f.failed, "failed", false, "write the failed rows back as an input file")
	fs.BoolVar(&f.rejected, "rejected", false, "write the rejected rows back as an input file")
	fs.StringVar(&f.to, "to", "", "with --failed, --rejected: the `FILE` to write (default: stdout)")
	return cmd
}

func (a *app) report(dir string, f *reportFlags) error {
	if f.failed || f.rejected {
		if f.json || f.html != "" {
			return hint.New("--failed and --rejected write rows, --json and --html write something else", "use one of them at a time")
		}
		return a.export(dir, f)
	}
	if f.to != "" {
		return hint.New("--to goes with --failed or --rejected", "for a page use --html FILE")
	}
	var samples []report.Sample
	st, err := pipeline.Look(dir, func(s report.Sample) {
		if f.html != "" {
			samples = append(samples, s)
		}
	})
	if err != nil {
		return err
	}
	if f.html != "" {
		return a.page(dir, f.html, st, samples)
	}
	if f.json {
		return printJSON(a.stdout, st)
	}
	return a.showStatus(st)
}

func (a *app) page(dir, name string, st pipeline.Status, samples []report.Sample) error {
	if err := writable(name, dir, st.Inputs); err != nil {
		return err
	}
	data := report.PageData{Summary: st.Summary, Samples: samples, Total: st.Counts.NeedPerson()}
	err := pipeline.Rows(dir, func(raw *report.Raw) error {
		if len(data.Rows) == report.MaxPageRows {
			return io.EOF
		}
		if status := string(raw.Status); status != report.StatusRejected && status != report.StatusFailed && status != report.StatusInvalid {
			return nil
		}
		row, err := raw.Row()
		data.Rows = append(data.Rows, row)
		return err
	})
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if name == stdout {
		return report.WritePage(a.stdout, data)
	}
	if err := private(name, func(w io.Writer) error { return report.WritePage(w, data) }); err != nil {
		return fmt.Errorf("writing the page: %w", err)
	}
	_, err = fmt.Fprintln(a.stdout, name)
	return err
}

// export writes rows back as an input file.
func (a *app) export(dir string, f *reportFlags) error {
	write := func(w io.Writer) error {
		out := csv.NewWriter(w)
		if err := out.Write([]string{"identity"}); err != nil {
			return err
		}
		err := pipeline.Rows(dir, func(raw *report.Raw) error {
			if status := string(raw.Status); f.failed && status == report.StatusFailed || f.rejected && status == report.StatusRejected {
				return out.Write([]string{string(raw.Identity)})
			}
			return nil
		})
		if err != nil {
			return err
		}
		out.Flush()
		return out.Error()
	}
	if f.to == "" || f.to == stdout {
		b := bufio.NewWriter(a.stdout)
		if err := write(b); err != nil {
			return err
		}
		return b.Flush()
	}
	st, err := pipeline.Look(dir, nil)
	if err != nil {
		return err
	}
	if err := writable(f.to, dir, st.Inputs); err != nil {
		return err
	}
	return private(f.to, write)
}

// stdout is the name of standard output where a file can be named.
const stdout = "-"

// writable refuses to write over what a run rests on: its own files and its
// inputs.
func writable(name, dir string, inputs []string) error {
	is := func(other string) bool {
		a, errA := os.Stat(name)
		b, errB := os.Stat(other)
		return errA == nil && errB == nil && os.SameFile(a, b)
	}
	for _, own := range pipeline.OwnFiles(dir) {
		if is(own) || filepath.Clean(name) == filepath.Clean(own) {
			return hint.New(name+" is a file of the run itself", "choose another name")
		}
	}
	for _, input := range inputs {
		if input != "-" && is(input) {
			return hint.New(name+" is an input of the run", "choose another name")
		}
	}
	return nil
}

// private writes a file that only its owner can read, aside first: where that
// fails, none is left, and one that was there before stays as it was.
func private(name string, write func(io.Writer) error) error {
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*") // 0600
	if err != nil {
		return hint.Wrap(err, "choose a place that can be written to")
	}
	b := bufio.NewWriter(f)
	err = write(b)
	if err == nil {
		err = errors.Join(b.Flush(), f.Sync())
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}
