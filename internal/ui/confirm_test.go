package ui

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"strings"
	"testing"
	"time"

	"github.com/bulkdemerge/bulkdemerge/internal/hint"
)

// askVariable makes this test binary the command that asks: see ask.
const askVariable = "BULKDEMERGE_TEST_ASK"

// aPlan is a plan with everything known.
func aPlan() Plan {
	return Plan{
		Host: "in1.api.clevertap.com", Account: "ABC-123-4DE", Files: []string{"ids.csv"},
		Records: 1_200_000, Requests: 12_000, Duration: 7 * time.Minute,
	}
}

// ask asks as the command does and tells on stdout what came of it, and what
// was left on stdin. It runs in a process of its own, for it needs a terminal
// of its own.
func ask() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	tty, err := OpenTTY()
	if err != nil {
		fmt.Printf("no terminal: %v\n", err)
		return 2
	}
	err = Confirm(ctx, tty, aPlan())
	_ = tty.Close()
	data, _ := io.ReadAll(os.Stdin)
	fmt.Printf("err: %v\nended: %v\nstdin: %s\n", err, ctx.Err() != nil, data)
	return 0
}

// pipe is a terminal whose user has typed in and sees out.
type pipe struct {
	in  io.Reader
	out bytes.Buffer
}

func (p *pipe) Read(b []byte) (int, error)  { return p.in.Read(b) }
func (p *pipe) Write(b []byte) (int, error) { return p.out.Write(b) }

func TestConfirmAnswers(t *testing.T) {
	tests := []struct {
		name, typed string
		err         string // "" is confirmed
	}{
		{"right", "ABC-123-4DE\n", ""},
		{"right, with blanks", "  ABC-123-4DE \r\n", ""},
		{"wrong", "ABC-123-4DF\n", "not confirmed, nothing was sent"},
		{"yes", "yes\n", "not confirmed, nothing was sent"},
		{"lower case", "abc-123-4de\n", "not confirmed, nothing was sent"},
		{"nothing", "\n", "not confirmed, nothing was sent"},
		{"the end of the input", "", "not confirmed, nothing was sent: there was no answer"},
		{"the end before the line's", "ABC-123-4DE", "not confirmed, nothing was sent: there was no answer"},
		{"a book", strings.Repeat("x", 5000) + "\n", "not confirmed, nothing was sent: the answer is too long"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tty := &pipe{in: strings.NewReader(tt.typed)}
			err := Confirm(t.Context(), tty, aPlan())
			text := ""
			if err != nil {
				text = err.Error()
			}
			if text != tt.err {
				t.Errorf("err = %q, want %q", text, tt.err)
			}
			if err != nil && !errors.Is(err, ErrNotConfirmed) {
				t.Error("err is not ErrNotConfirmed")
			}
		})
	}
}

func TestConfirmTakesOneLine(t *testing.T) {
	in := strings.NewReader("ABC-123-4DE\nnext")
	if err := Confirm(t.Context(), &pipe{in: in}, aPlan()); err != nil {
		t.Fatal(err)
	}
	if rest, _ := io.ReadAll(in); string(rest) != "next" {
		t.Errorf("left over: %q", rest)
	}
}

func TestConfirmText(t *testing.T) {
	tty := &pipe{in: strings.NewReader("\n")}
	err := Confirm(t.Context(), tty, aPlan())
	if hint.Of(err) == "" {
		t.Error("there is no hint")
	}
	want := "about to demerge:\n\n" +
		"  host      in1.api.clevertap.com\n" +
		"  account   ABC-123-4DE\n" +
		"  files     ids.csv\n" +
		"  records   about 1,200,000\n" +
		"  requests  about 12,000\n" +
		"  time      about 7m00s\n" +
		"\n" +
		"a demerge can't be undone: each device of a profile becomes a profile of its\n" +
		"own, without identity, and event data may be lost\n" +
		"these are estimates, `bulkdemerge plan` has the exact figures\n" +
		"\n" +
		"type the account id to go on: "
	if got := tty.out.String(); got != want {
		t.Errorf("asked\n%s\nwant\n%s", got, want)
	}
}

func TestConfirmUnknownFigures(t *testing.T) {
	p := Plan{Host: "h", Account: "A", Files: []string{"1", "2", "3", "4", "fi\x1bve"}}
	tty := &pipe{in: strings.NewReader("A\n")}
	if err := Confirm(t.Context(), tty, p); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"files     1, 2, 3 and 2 more\n", "records   unknown\n", "requests  unknown\n", "time      unknown\n"} {
		if !strings.Contains(tty.out.String(), want) {
			t.Errorf("%q is not in\n%s", want, tty.out.String())
		}
	}
}

func TestConfirmWithoutAccount(t *testing.T) {
	p := aPlan()
	p.Account = ""
	if err := Confirm(t.Context(), &pipe{in: strings.NewReader("\n")}, p); !errors.Is(err, ErrNotConfirmed) {
		t.Errorf("an empty answer confirms an empty account: %v", err)
	}
}

func TestConfirmSandbox(t *testing.T) {
	p := aPlan()
	p.Sandbox = true
	tty := &pipe{in: strings.NewReader("")}
	if err := Confirm(t.Context(), tty, p); err != nil || tty.out.Len() > 0 {
		t.Errorf("err %v, asked %q", err, tty.out.String())
	}
}

func TestConfirmEndsWithItsContext(t *testing.T) {
	ours, theirs := net.Pipe()
	defer theirs.Close()
	defer ours.Close()
	ctx, cancel := context.WithCancelCause(t.Context())
	pressed := errors.New("pressed Ctrl-C")
	go func() {
		// The question's last words are there: it waits for the answer now.
		var seen []byte
		for !bytes.HasSuffix(seen, []byte("go on: ")) {
			b := make([]byte, 1024)
			n, err := theirs.Read(b)
			if err != nil {
				break
			}
			seen = append(seen, b[:n]...)
		}
		cancel(pressed)
		_, _ = io.Copy(io.Discard, theirs)
	}()
	err := Confirm(ctx, ours, aPlan())
	if !errors.Is(err, ErrNotConfirmed) || !errors.Is(err, pressed) {
		t.Errorf("err = %v", err)
	}
}
