package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// helpWidth is the width that help is written for: a terminal's usual one.
const helpWidth = 80

// flagColumn is where the words about a flag begin. A longer flag has its
// words on the next line.
const flagColumn = 26

// groupKey is the annotation of a flag that says under which title it stands.
const groupKey = "bulkdemerge_group"

// addFlags adds flags to a command that stand under one title in its help.
func addFlags(cmd *cobra.Command, title string, add func(*pflag.FlagSet)) {
	fs := pflag.NewFlagSet(title, pflag.ContinueOnError)
	fs.SortFlags = false
	add(fs)
	fs.VisitAll(func(f *pflag.Flag) {
		f.Annotations = map[string][]string{groupKey: {title}}
	})
	cmd.Flags().SortFlags = false
	cmd.Flags().AddFlagSet(fs)
}

// help writes what a command does in one sentence and how that looks; the rest
// of it is for those who read on.
func help(cmd *cobra.Command, w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n%s\n", cmd.Short, cmd.Example)
	if cmd.Long != "" {
		fmt.Fprintf(&b, "\n%s\n", strings.TrimSpace(cmd.Long))
	}
	use := cmd.UseLine()
	if cmd.HasAvailableSubCommands() {
		use = cmd.CommandPath() + " COMMAND"
	}
	fmt.Fprintf(&b, "\nUsage:\n  %s\n", use)
	if cmd.HasAvailableSubCommands() {
		fmt.Fprintf(&b, "\nCommands:\n")
		for _, c := range cmd.Commands() {
			if c.IsAvailableCommand() || c.Name() == "help" {
				writeEntry(&b, "  "+c.Name(), c.Short, 14)
			}
		}
	}
	cmd.InitDefaultHelpFlag()
	cmd.InitDefaultVersionFlag()
	for _, title := range groups(cmd) {
		fmt.Fprintf(&b, "\n%s:\n", title)
		eachFlag(cmd, func(f *pflag.Flag) {
			if groupOf(f) == title {
				writeFlag(&b, f)
			}
		})
	}
	if cmd.HasAvailableSubCommands() {
		fmt.Fprintf(&b, "\n%s COMMAND --help says more about each.\n", cmd.CommandPath())
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// otherFlags is the title of the flags that have none of their own.
const otherFlags = "Flags"

func groupOf(f *pflag.Flag) string {
	if g := f.Annotations[groupKey]; len(g) == 1 {
		return g[0]
	}
	return otherFlags
}

// groups are the titles of a command's flags, in their order.
func groups(cmd *cobra.Command) []string {
	var titles []string
	seen := map[string]bool{otherFlags: true}
	eachFlag(cmd, func(f *pflag.Flag) {
		if g := groupOf(f); !seen[g] {
			seen[g] = true
			titles = append(titles, g)
		}
	})
	return append(titles, otherFlags)
}

// eachFlag visits the flags that help shows.
func eachFlag(cmd *cobra.Command, visit func(*pflag.Flag)) {
	shown := func(f *pflag.Flag) {
		if !f.Hidden {
			visit(f)
		}
	}
	cmd.LocalFlags().VisitAll(shown)
	cmd.InheritedFlags().VisitAll(shown)
}

func writeFlag(b *strings.Builder, f *pflag.Flag) {
	value, words := pflag.UnquoteUsage(f)
	name := "  --" + f.Name
	switch value {
	case "":
		if f.DefValue == "true" {
			name += "=true"
		}
	case "int", "int64", "uint", "float":
		name += " N"
	case "string":
		name += " TEXT"
	case "duration":
		name += " TIME"
	default:
		name += " " + value
	}
	switch d := f.DefValue; d {
	case "", "0", "0s", "false", "true", "[]":
	default:
		if strings.HasSuffix(d, "m0s") {
			d = strings.TrimSuffix(d, "0s")
		}
		words += " (default " + d + ")"
	}
	writeEntry(b, name, words, flagColumn)
}

// writeEntry writes a name and the words about it, in two columns.
func writeEntry(b *strings.Builder, name, words string, column int) {
	if len(name) > column-2 {
		b.WriteString(name + "\n")
		name = ""
	}
	fmt.Fprintf(b, "%-*s", column, name)
	at := column
	for i, word := range strings.Fields(words) {
		switch {
		case i == 0:
		case at+1+len(word) > helpWidth:
			fmt.Fprintf(b, "\n%*s", column, "")
			at = column
		default:
			b.WriteByte(' ')
			at++
		}
		b.WriteString(word)
		at += len(word)
	}
	b.WriteByte('\n')
}
