package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// Set by the release's linker flags.
var (
	version = ""
	commit  = ""
	date    = ""
)

// versionText is the version in one word.
func versionText() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "dev"
}

// built is the commit and its date: the release's, or what Go has noted of a
// build from a clone.
func built() (rev, at string) {
	if commit != "" {
		return commit, date
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "", ""
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			rev = s.Value
		case "vcs.time":
			at = s.Value
		case "vcs.modified":
			if s.Value == "true" {
				at += " and changed since"
			}
		}
	}
	return rev, at
}

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Show version, commit and date of this program",
		Example: "  bulkdemerge version",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			fmt.Fprintf(a.stdout, "bulkdemerge %s\n", versionText())
			if commit, date := built(); commit != "" {
				fmt.Fprintf(a.stdout, "commit %s, %s\n", commit, date)
			}
			_, err := fmt.Fprintf(a.stdout, "%s %s/%s\n", runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return err
		},
	}
}
