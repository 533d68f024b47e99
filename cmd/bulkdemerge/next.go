package main

import (
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/bulkdemerge/bulkdemerge/internal/settings"
)

// sameCommand stands for a command line that can't be shown.
const sameCommand = "the same command again"

// commandLine is a command as it can be pasted into a shell: the flags of the
// command line that is running, those that keep leaves over, and args. What
// came from the environment or the config file will come from there again; a
// passcode is in neither flags nor args.
func commandLine(cmd *cobra.Command, name []string, keep func(flag string) bool, args ...string) string {
	words := append([]string{os.Args[0]}, name...)
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if !keep(f.Name) {
			return
		}
		var values []string
		switch many, ok := f.Value.(pflag.SliceValue); {
		case ok:
			values = many.GetSlice()
		default:
			values = []string{f.Value.String()}
		}
		for _, v := range values {
			switch {
			case f.NoOptDefVal != "" && v == f.NoOptDefVal:
				words = append(words, "--"+f.Name)
			case f.NoOptDefVal != "":
				words = append(words, "--"+f.Name+"="+v)
			default:
				words = append(words, "--"+f.Name, v)
			}
		}
	})
	for _, arg := range args {
		if strings.HasPrefix(arg, "-") && arg != "-" {
			arg = "./" + arg // or it would be a flag
		}
		words = append(words, arg)
	}
	for i, w := range words {
		words[i] = settings.ShellQuoted(w)
	}
	return strings.Join(words, " ")
}

// again is the running command line, as it goes on with the run. Where the
// input is a stream, nobody can paste that; and --skip holds what may be
// somebody's identity, which no summary may show.
func again(cmd *cobra.Command, args []string) string {
	if slices.Contains(args, "-") {
		return sameCommand + ", given the same stream"
	}
	if cmd.Flags().Changed("skip") {
		return sameCommand
	}
	return commandLine(cmd, []string{cmd.Name()}, func(flag string) bool { return flag != "restart" }, args...)
}

// restOf is the running command line without its --limit: what sends the rest.
func restOf(cmd *cobra.Command, args []string) string {
	if line := again(cmd, args); strings.HasPrefix(line, sameCommand) {
		return strings.Replace(line, sameCommand, sameCommand+" without --limit", 1)
	}
	return commandLine(cmd, []string{cmd.Name()}, func(flag string) bool { return flag != "restart" && flag != "limit" }, args...)
}

// onCommandLine tells whether a flag was given there, not by the environment or
// the config file.
func onCommandLine(cmd *cobra.Command, name string) bool {
	f := cmd.Flags().Lookup(name)
	return f != nil && f.Changed
}

// retryOf is the command that sends again what this one leaves as failed.
func retryOf(cmd *cobra.Command, dir string) string {
	return commandLine(cmd, []string{"retry"}, targetFlag, dir)
}

// targetFlag tells whether a flag says whom to send to.
func targetFlag(name string) bool {
	return slices.Contains([]string{"config", "profile", "region", "endpoint", "sandbox", "account-id", "passcode-file", "ca-file"}, name)
}

// biteOf is the command for a small bite of what was planned.
func biteOf(cmd *cobra.Command, args []string) string {
	if slices.Contains(args, "-") || cmd.Flags().Changed("skip") {
		return "the same with run --limit 100 in place of plan"
	}
	apply := func(flag string) bool { return flag != "json" && flag != "assume-latency" }
	return commandLine(cmd, []string{"run", "--limit", "100"}, apply, args...)
}

// reportOf is the command that shows the run as a page.
func reportOf(dir string) string {
	if strings.HasPrefix(dir, "-") {
		dir = "./" + dir // or it would be a flag
	}
	return settings.ShellQuoted(os.Args[0]) + " report --html report.html " + settings.ShellQuoted(dir)
}
