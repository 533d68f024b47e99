package batcher

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestCheck(t *testing.T) {
	tests := []struct {
		name, id, reason string
		upper            bool
	}{
		{"empty", "", ReasonEmpty, false},
		{"one letter", "a", "", false},
		{"one capital", "Z", "", true},
		{"two", "aB", "", true},
		{"three", "abC", "", true},
		{"capital in the middle of three", "aBc", "", true},
		{"just outside A to Z", "@[`{/:", "", false},
		{"an e-mail address", "someone@example.com", "", false},
		{"capital in the overlapping tail", "abcdefghijK", "", true},
		{"inner space is fine", "a b", "", false},
		{"tab", "a\tb", ReasonControl, false},
		{"NUL", "abc\x00", ReasonControl, false},
		{"unit separator", "\x1fabcdefgh", ReasonControl, false},
		{"DEL", "a\x7f", ReasonControl, false},
		{"DEL after eight", "abcdefgh\x7f", ReasonControl, false},
		{"tilde is no DEL", "a~", "", false},
		{"newline", "line\nline two", ReasonControl, false},
		{"C1", "a\u0085b", ReasonControl, false},
		{"last C1", "a\u009f", ReasonControl, false},
		{"no-break space is no control", "a\u00a0b", "", false},
		{"Devanagari", "उपयोगकर्ता", "", false},
		{"capital beside Devanagari", "Aक", "", true},
		{"capital beyond ASCII", "É", "", false},
		{"emoji", "🙂", "", false},
		{"replacement character is a character", "\ufffd", "", false},
		{"Latin-1 byte", "caf\xe9", ReasonNotUTF8, false},
		{"cut rune", "abc\xe2\x82", ReasonNotUTF8, false},
		{"surrogate", "\xed\xa0\x80", ReasonNotUTF8, false},
		{"overlong", "\xc0\xaf", ReasonNotUTF8, false},
		{"not UTF-8 goes before control", "\x01\xff", ReasonNotUTF8, false},
		{"longest", strings.Repeat("x", 1024), "", false},
		{"longest in two-byte letters", strings.Repeat("é", 512), "", false},
		{"too long", strings.Repeat("x", 1025), ReasonTooLong, false},
		{"too long goes before all else", strings.Repeat("\xff", 1025), ReasonTooLong, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			reason, upper, _ := check([]byte(tt.id))
			if reason != tt.reason || upper != tt.upper {
				t.Errorf("check(%q) = %q, %v; want %q, %v", tt.id, reason, upper, tt.reason, tt.upper)
			}
		})
	}
}

// TestCheckEveryByte puts every byte at every place of every short length.
func TestCheckEveryByte(t *testing.T) {
	for n := 1; n <= 20; n++ {
		for at := range n {
			for c := range 256 {
				id := []byte(strings.Repeat("0", n))
				id[at] = byte(c)
				reason, upper, plain := check(id)
				want := ""
				switch {
				case c >= utf8.RuneSelf:
					want = ReasonNotUTF8
				case c < ' ' || c == 0x7f:
					want = ReasonControl
				}
				if reason != want || upper != ('A' <= c && c <= 'Z') {
					t.Fatalf("byte %#x at %d of %d: %q, upper %v", c, at, n, reason, upper)
				}
				if plain != (reason == "" && !strings.ContainsRune("\",\\", rune(c))) {
					t.Fatalf("byte %#x at %d of %d: plain %v", c, at, n, plain)
				}
			}
		}
	}
}

func TestOuterSpace(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.OneOf(rapid.String(), rapid.StringMatching(`[ \t\n\x{85}\x{a0}\x{2003}\x{3000}a\x{e9}]{0,4}`)).Draw(t, "s")
		if got, want := outerSpace([]byte(s)), strings.TrimFunc(s, unicode.IsSpace) != s; got != want {
			t.Fatalf("outerSpace(%q) = %v", s, got)
		}
	})
}
