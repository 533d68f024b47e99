package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/bulkdemerge/bulkdemerge/internal/hint"
	"github.com/bulkdemerge/bulkdemerge/internal/sandbox"
)

func (a *app) sandboxCommand() *cobra.Command {
	var (
		o              sandbox.Options
		listen, faults string
		poison         string
		dirt           int
	)
	cmd := &cobra.Command{
		Use:   "sandbox",
		Short: "Serve the simulated API on loopback, with faults on request and books of what arrived",
		Long: `Its address is printed, and it serves until Ctrl-C. From another terminal:
  bulkdemerge run --endpoint ADDRESS --account-id ANY \
    --passcode-file passcode customers.csv
The books of what arrived are at ADDRESS` + sandbox.ControlPrefix + `books. A trial needs no second
terminal: bulkdemerge run --sandbox customers.csv`,
		Example: `  bulkdemerge sandbox --listen 127.0.0.1:8099 --faults 429=5%,500=2%
  bulkdemerge sandbox --dirt 1000 > customers.csv`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if _, err := a.resolve(cmd); err != nil {
				return err
			}
			if o.Slots < 1 || o.Others < 0 || o.Latency < 0 || o.Jitter < 0 || dirt < 0 {
				return hint.New("a number of the sandbox's is out of range", "--slots takes 1 or more, --others, --latency, --jitter and --dirt nothing below 0")
			}
			if dirt > 0 {
				return a.dirt(dirt, o.Seed)
			}
			var err error
			if o.Faults, err = sandbox.ParseFaults(faults); err != nil {
				return hint.Wrap(fmt.Errorf("--faults: %w", err), "write it like 429=5%,500=2%,reset=0.5%")
			}
			if poison != "" {
				o.Poison = func(id string) bool { return strings.Contains(id, poison) }
			}
			if o.Seed == 0 {
				o.Seed = rand.Uint64()
			}
			ctx, stop := stopOnSignal(cmd.Context())
			defer stop()
			l, err := sandbox.Listen(listen, sandbox.New(o))
			if err != nil {
				return fmt.Errorf("serving the sandbox: %w", err)
			}
			fmt.Fprintln(a.stdout, l.URL)
			<-ctx.Done()
			return l.Close()
		},
	}
	fs := cmd.Flags()
	fs.SortFlags = false
	fs.StringVar(&listen, "listen", "127.0.0.1:0", "loopback `ADDRESS` and port (0: any free one)")
	fs.DurationVar(&o.Latency, "latency", 25*time.Millisecond, "how long the API works on a request")
	fs.DurationVar(&o.Jitter, "jitter", 0, "more or less of it at random")
	fs.IntVar(&o.Slots, "slots", sandbox.DefaultSlots, "requests at once for an account")
	fs.IntVar(&o.Others, "others", 0, "slots that somebody else holds")
	fs.StringVar(&faults, "faults", "", "`SHARES` of the requests that go wrong, of 429, 500, 503, reset, drop, hang, garbage and partial")
	fs.StringVar(&poison, "poison", "", "refuse identities that contain this")
	fs.BoolVar(&o.PoisonPartial, "poison-partial", false, "refuse them in a partial answer instead of a 400 for the whole batch")
	fs.DurationVar(&o.HangFor, "hang-for", 0, "how long a hung request is held (0: until its client leaves)")
	fs.Uint64Var(&o.Seed, "seed", 0, "for the faults (0: at random)")
	fs.StringVar(&o.Account, "expect-account", "", "the only account `ID` that is right (default: any)")
	fs.StringVar(&o.Passcode, "expect-passcode", "", "the only passcode that is right (default: any)")
	fs.IntVar(&dirt, "dirt", 0, "instead of serving, write a CSV of so many records with realistic dirt to stdout")
	return cmd
}

// dirt writes a file to try things on; what a run must find in it goes to
// stderr.
func (a *app) dirt(n int, seed uint64) error {
	c, err := sandbox.Dirt(a.stdout, n, seed)
	if err != nil {
		return fmt.Errorf("writing the file: %w", err)
	}
	_, err = fmt.Fprintf(os.Stderr, "%d records: %d to send, %d invalid, %d duplicate\n", c.Records, c.Sendable, c.Invalid, c.Duplicate)
	return err
}
