package main

import (
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/bulkdemerge/bulkdemerge/internal/hint"
	"github.com/bulkdemerge/bulkdemerge/internal/settings"
)

func (a *app) completionCommand() *cobra.Command {
	shells := []string{"bash", "zsh", "fish", "powershell"}
	list := strings.Join(shells, "|")
	return &cobra.Command{
		Use:   "completion " + list,
		Short: "Write what makes a shell complete commands, flags and their values",
		Example: `  bulkdemerge completion bash > bulkdemerge.bash
  bulkdemerge completion zsh > _bulkdemerge`,
		Long: `For bash, source that file in ~/.bashrc (it needs the package
bash-completion); for zsh, put it into a folder of $fpath; for fish, into
~/.config/fish/completions/bulkdemerge.fish; for PowerShell, source it in
$PROFILE. The packages bring them along.`,
		ValidArgs: shells,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return hint.New("name one shell", "one of "+strings.Join(shells, ", "))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			root := cmd.Root()
			switch args[0] {
			case "bash":
				return root.GenBashCompletionV2(a.stdout, true)
			case "zsh":
				return root.GenZshCompletion(a.stdout)
			case "fish":
				return root.GenFishCompletion(a.stdout, true)
			case "powershell":
				return root.GenPowerShellCompletionWithDesc(a.stdout)
			}
			next := hint.DidYouMean(args[0], shells)
			if next == "" {
				next = "one of " + strings.Join(shells, ", ")
			}
			return hint.New("there is no completion for "+args[0], next)
		},
	}
}

func (a *app) helpCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "help [COMMAND]",
		Short:   "Show what a command does, an example first",
		Example: "  bulkdemerge help run",
		RunE: func(cmd *cobra.Command, args []string) error {
			root := cmd.Root()
			about, rest, err := root.Find(args)
			if err != nil || len(rest) > 0 {
				return unknownCommand(root, args)
			}
			return help(about, a.stdout)
		},
		ValidArgsFunction: func(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
			return commandNames(cmd.Root()), cobra.ShellCompDirectiveNoFileComp
		},
	}
}

// completeValues lets a shell complete the values of flags that take one word
// of a few, and folders where a run directory is named.
func completeValues(root *cobra.Command) {
	for _, cmd := range root.Commands() {
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			var words []string
			switch v := f.Value.(type) {
			case *settings.Enum:
				words = v.Words()
			case *settings.Delimiter:
				words = []string{",", ";", "|", "tab"}
			default:
				return
			}
			// It fails only for a flag that is not there.
			_ = cmd.RegisterFlagCompletionFunc(f.Name, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
		})
		if strings.HasSuffix(cmd.Use, " DIR") {
			cmd.ValidArgsFunction = func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
				return nil, cobra.ShellCompDirectiveFilterDirs
			}
		}
	}
}
