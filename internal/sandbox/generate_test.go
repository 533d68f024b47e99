package sandbox

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"
)

// recount reads what Dirt wrote by DESIGN.md's rules, in the plainest way: a
// record is tried at each line, and where its quoting breaks, that line alone
// is gone.
func recount(text string) DirtCounts {
	var c DirtCounts
	seen := map[string]bool{}
	_, text, _ = strings.Cut(text, "\n") // the header
	for text != "" {
		line, after, _ := strings.Cut(text, "\n")
		if strings.TrimSuffix(line, "\r") == "" {
			text = after
			continue
		}
		fields, rest, ok := readRow(text)
		if !ok {
			rest = after
		}
		c.Records++
		switch identity := usable(fields, ok); {
		case identity == "":
			c.Invalid++
		case seen[identity]:
			c.Duplicate++
		default:
			seen[identity] = true
			c.Sendable++
		}
		text = rest
	}
	return c
}

// usable is a row's identity, or nothing if it can't be sent.
func usable(fields []string, ok bool) string {
	if !ok || len(fields) < 2 {
		return ""
	}
	id := strings.TrimSpace(fields[1])
	if len(id) > 1024 || !utf8.ValidString(id) || strings.ContainsFunc(id, func(r rune) bool { return r < ' ' }) {
		return ""
	}
	return id
}

func readRow(text string) (fields []string, rest string, ok bool) {
	for {
		var field string
		if quoted, is := strings.CutPrefix(text, `"`); is {
			for {
				part, behind, closed := strings.Cut(quoted, `"`)
				if !closed {
					return nil, "", false
				}
				field += part
				if quoted, is = strings.CutPrefix(behind, `"`); !is {
					text = behind
					break
				}
				field += `"`
			}
		} else {
			n := strings.IndexAny(text, ",\r\n")
			field, text = text[:n], text[n:]
		}
		fields = append(fields, field)
		text = strings.TrimPrefix(text, "\r")
		switch {
		case strings.HasPrefix(text, ","):
			text = text[1:]
		case strings.HasPrefix(text, "\n"):
			return fields, text[1:], true
		default:
			return nil, "", false
		}
	}
}

func TestDirtHasTheCountsItSays(t *testing.T) {
	for _, n := range []int{0, 1, 2, 100, 50_000} {
		for seed := range uint64(3) {
			var b bytes.Buffer
			got, err := Dirt(&b, n, seed)
			if err != nil {
				t.Fatal(err)
			}
			if want := recount(b.String()); got != want || got.Records != int64(n) {
				t.Errorf("n %d, seed %d: Dirt says %+v, the file holds %+v", n, seed, got, want)
			}
		}
	}
}

func TestDirtIsTheSameEachTimeAndHasEveryFlaw(t *testing.T) {
	var one, two, other bytes.Buffer
	for b, seed := range map[*bytes.Buffer]uint64{&one: 7, &two: 7, &other: 8} {
		if _, err := Dirt(b, 20_000, seed); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(one.Bytes(), two.Bytes()) {
		t.Error("the same seed gave different bytes")
	}
	if bytes.Equal(one.Bytes(), other.Bytes()) {
		t.Error("different seeds gave the same bytes")
	}
	for _, want := range []string{"\r\n", "\n\n", ",,", ",   ,", "\"x,", "\x07", "\xe9", strings.Repeat("0", 1024), `""`, `"Priya` + "\n", "client-", "@example.", "+9198"} {
		if !bytes.Contains(one.Bytes(), []byte(want)) {
			t.Errorf("nowhere %.20q", want)
		}
	}
}

type fullDisk struct{}

var errFull = errors.New("no space left")

func (fullDisk) Write([]byte) (int, error) { return 0, errFull }

func TestDirtSaysWhatItCouldNotWrite(t *testing.T) {
	if _, err := Dirt(fullDisk{}, 10_000, 1); !errors.Is(err, errFull) {
		t.Errorf("got %v, want the writer's error", err)
	}
	for _, n := range []int{-1, MaxDirt + 1} {
		if _, err := Dirt(fullDisk{}, n, 1); err == nil || errors.Is(err, errFull) {
			t.Errorf("n %d: got %v, want a refusal", n, err)
		}
	}
}
