package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/bulkdemerge/bulkdemerge/internal/hint"
	"github.com/bulkdemerge/bulkdemerge/internal/settings"
	"github.com/bulkdemerge/bulkdemerge/internal/ui"
	"github.com/bulkdemerge/bulkdemerge/pkg/pipeline"
	"github.com/bulkdemerge/bulkdemerge/pkg/reader"
	"github.com/bulkdemerge/bulkdemerge/pkg/sender"
)

// exit is the outcome of a command that has said all there is to say.
type exit int

func (e exit) Error() string { return fmt.Sprintf("exit %d", int(e)) }

// main runs the command line and returns the exit code.
func (a *app) main(args []string) int {
	ignoreFileSizeSignal()
	root := a.root()
	root.SetArgs(args)
	root.SetIn(a.stdin)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	cmd, err := root.ExecuteC()
	if err == nil {
		err = a.helpErr
	}
	if err == nil {
		return pipeline.ExitDone
	}
	var done exit
	if errors.As(err, &done) {
		return int(done)
	}
	var e *pipeline.Error
	if errors.As(err, &e) {
		a.fail(err)
		return e.Code
	}
	if hintOf(err) == "" {
		err = hint.Wrap(err, "see "+cmd.CommandPath()+" --help")
	}
	a.fail(err)
	return pipeline.ExitUsage
}

// fail prints an error and what to do about it.
func (a *app) fail(err error) {
	if logs := a.jsonLogs(); logs != nil {
		logs.Error(ui.Clean(err.Error()), "hint", hintOf(err))
		return
	}
	ui.Printer{Err: a.stderr}.Error(hint.Wrap(plain(err), hintOf(err)))
}

// plain is an error without the hints of its causes: they are printed once.
func plain(err error) error { return errors.New(err.Error()) }

// hintOf finds the hint of an error, also where the library has it as a field.
func hintOf(err error) string {
	var option *sender.OptionError
	var input *reader.UsageError
	switch {
	case hint.Of(err) != "":
		return hint.Of(err)
	case errors.As(err, &option):
		return option.Hint
	case errors.As(err, &input):
		return input.Hint
	}
	return ""
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:     "bulkdemerge",
		Version: versionText(),
		Short:   "Demerge millions of CleverTap profiles: nothing lost, hardly anything repeated",
		Long: `A demerge can't be undone. Try it against the simulated API first, look at the
plan, take a small bite, then all of it; after any interruption type the same
command again.`,
		Example: `  bulkdemerge run --sandbox customers.csv
  bulkdemerge plan customers.csv`,
		SilenceErrors: true, SilenceUsage: true,
		Args:              cobra.NoArgs,
		RunE:              func(cmd *cobra.Command, _ []string) error { return help(cmd, a.stdout) },
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		a.readLogFormat(cmd)
		var unknown *pflag.NotExistError
		if run, _, findErr := root.Find([]string{"run"}); findErr == nil && cmd.Name() != "run" && errors.As(err, &unknown) &&
			run.Flags().Lookup(unknown.GetSpecifiedName()) != nil {
			return hint.Wrap(err, "--"+unknown.GetSpecifiedName()+" is a flag of run; "+cmd.Name()+" does without it")
		}
		return settings.FlagError(cmd.Flags(), err)
	})
	root.SetHelpFunc(func(cmd *cobra.Command, _ []string) { a.helpErr = help(cmd, a.stdout) })
	root.SetVersionTemplate("bulkdemerge {{.Version}}\n")
	root.SetHelpCommand(a.helpCommand())
	root.PersistentFlags().String("config", "", "`FILE` of settings (default: "+configPlace()+")")
	root.PersistentFlags().String("profile", "", "section `NAME` of the config file")
	root.AddCommand(
		a.runCommand(), a.planCommand(), a.retryCommand(), a.statusCommand(), a.reportCommand(),
		a.sandboxCommand(), a.configCommand(), a.versionCommand(), a.completionCommand(), a.manCommand(),
	)
	completeValues(root)
	root.Args = func(_ *cobra.Command, args []string) error { return unknownCommand(root, args) }
	return root
}

// unknownCommand is the error for a word that is no command.
func unknownCommand(root *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	names := commandNames(root)
	suggestion := hint.DidYouMean(args[0], names)
	if suggestion == "" {
		suggestion = "one of " + strings.Join(names, ", ") + "; see --help"
	}
	return hint.New(fmt.Sprintf("there is no command %q", args[0]), suggestion)
}

func commandNames(root *cobra.Command) []string {
	var names []string
	for _, c := range root.Commands() {
		if !c.Hidden {
			names = append(names, c.Name())
		}
	}
	return names
}

func configPlace() string {
	home, err := os.UserHomeDir()
	if place := settings.DefaultConfig(); err == nil && place != "" {
		return strings.Replace(place, home, "~", 1)
	}
	return "none"
}
