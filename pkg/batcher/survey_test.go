package batcher

import (
	"fmt"
	"io"
	"strings"
	"testing"
)

func TestKindOf(t *testing.T) {
	tests := []struct {
		id    string
		want  kind
		space bool
	}{
		{"19827239", number, false},
		{"someone@example.com", email, false},
		{"a.b+c@mail.example.co.uk", email, false},
		{"अ@example.com", email, false},
		{"@handle", text, false},
		{"a@b", text, false},
		{"a@b.", text, false},
		{"a@@b.c", text, false},
		{"some one@example.com", text, true},
		{"+919812345678", phone, false},
		{"+91 98123-45678", phone, true},
		{"+1 (555) 010.2030", phone, true},
		{"+123", text, false},
		{"+1234567890123456", text, false},
		{"+123456789012345", phone, false},
		{"++919812345678", text, false},
		{"555-010-2030", text, false},
		{"6ba7b810-9dad-11d1-80b4-00c04fd430c8", uuid, false},
		{"6BA7B810-9DAD-11D1-80B4-00C04FD430C8", uuid, false},
		{"6ba7b8109dad-11d1-80b4-00c04fd430c8-", text, false},
		{"6ba7b8109dad11d180b400c04fd430c8", word, false},
		{"Ann", word, false},
		{"client-19827239", text, false},
		{"Ann Smith", text, true},
		{"Ann\u00a0Smith", text, true},
		{"éa", text, false},
	}
	for _, tt := range tests {
		if got, space := kindOf([]byte(tt.id)); got != tt.want || space != tt.space {
			t.Errorf("%q is %s (space %v), want %s (space %v)", tt.id, got.one(), space, tt.want.one(), tt.space)
		}
	}
}

func TestIsScientific(t *testing.T) {
	for id, want := range map[string]bool{
		"9.19E+11": true, "9,19E+11": true, "1E+15": true, "-1.2e+10": true, "1.234567E+100": true,
		"9.19E11": true, "9.19e11": true, "9E11": false, "E11": false, "E+11": false, "9.E+11": false, "9.19E+1": false, "19.1E+11": false, "0.1E+11": false,
		"9.19E+11x": false, "9.1x9E+11": false, "abcE+11": false, "9.19E+1111": false, "919": false,
	} {
		if got := isScientific([]byte(id)); got != want {
			t.Errorf("isScientific(%q) = %v", id, got)
		}
	}
}

func TestIsPlaceholder(t *testing.T) {
	for id, want := range map[string]bool{
		"-": true, "null": true, "NULL": true, "undefined": true, "N/A": true, "n/a": true, "none": true, "nil": true,
		"0": true, "test": true, "Unknown": true, "000000000000000000": true, `\N`: true, "#REF!": true,
		"00000000-0000-0000-0000-000000000000": true,
		"10":                                   false, "nullable": false, "-5": false, "testuser": false, "a": false, "0a": false,
		"client-19827239-and-more": false,
	} {
		if got := isPlaceholder([]byte(id)); got != want {
			t.Errorf("isPlaceholder(%q) = %v", id, got)
		}
	}
}

// survey reads identities as plan does.
func survey(t *testing.T, o Options, ids ...string) []Warning {
	t.Helper()
	b := New(&fakeSource{err: io.EOF, blocks: plain(ids...).blocks(noCut)}, o)
	defer b.Close()
	var s Survey
	for _, batch := range collect(t, b, io.EOF) {
		for i := range batch.Records {
			s.Add(&batch.Records[i])
		}
	}
	return s.Warnings()
}

func TestSurvey(t *testing.T) {
	emails := func(n int) (ids []string) {
		for i := range n {
			ids = append(ids, fmt.Sprintf("u%d@example.com", i))
		}
		return ids
	}
	many := func(n int) (ids []string) {
		for i := range n {
			ids = append(ids, fmt.Sprint(10_000+i))
		}
		return ids
	}
	hex := func(n int) (ids []string) {
		for i := range n {
			ids = append(ids, fmt.Sprintf("%x", 0xabc00+i))
		}
		return ids
	}
	on := Options{Trim: true, Dedupe: true}
	tests := []struct {
		name string
		o    Options
		ids  []string
		want string // kind count@line of each
	}{
		{"nothing to say", on, many(100), ""},
		{"nothing at all", on, nil, ""},
		{"scientific", on, append(many(50), "9.19E+11", "1.2E+12"), "scientific 2@51"},
		{"placeholders, repeated ones too", on, append(many(50), "null", "N/A", "null"), "placeholder 3@51"},
		{"skipped ones are no placeholders", Options{Skip: []string{"null"}}, append(many(50), "null"), ""},
		{"invalid ones say nothing", on, append(many(50), "", "a\x00b"), ""},
		{"case variants", on, []string{"Ann", "bob", "ann", "ANN", "ann"}, "case_variants 2@3"},
		{"no case variants without a set", Options{}, []string{"Ann", "ann"}, ""},
		{"outer space", on, []string{"a", " b", "c\t"}, "outer_space 2@2"},
		{"inner space", on, []string{"a", "b", "c d"}, "inner_space 1@3"},
		{"e-mail among numbers", on, append(many(30), "a@example.com", "b@example.com"), "other_kind 2@31"},
		{"two minorities", on, append(many(60), "+919812345678", "a@example.com"), "other_kind 1@61, other_kind 1@62"},
		{"numbers among e-mails", on, append(emails(30), "5"), "other_kind 1@31"},
		{"a hex id without letters", on, append(hex(30), "1234"), ""},
		{"half and half is a choice", on, append(many(30), emails(30)...), ""},
		{"too few to tell", on, []string{"100001", "a@example.com"}, ""},
		{"enough to tell", on, append(many(2), "a@example.com"), "other_kind 1@3"},
		{"three fifths are enough", on, append(many(30), emails(20)...), "other_kind 20@31"},
		{"less is not", on, append(many(29), emails(20)...), ""},
		{"placeholders are no other kind", on, append(many(30), "unknown"), "placeholder 1@31"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, w := range survey(t, tt.o, tt.ids...) {
				got = append(got, fmt.Sprintf("%s %d@%d", w.Kind, w.Count, w.Line))
				if w.Message == "" {
					t.Errorf("%s has no message", w.Kind)
				}
			}
			if got := strings.Join(got, ", "); got != tt.want {
				t.Errorf("warnings %q, want %q", got, tt.want)
			}
		})
	}
}

// TestSurveyTrimOff: the advice depends on whether the space is sent.
func TestSurveyTrimOff(t *testing.T) {
	on := survey(t, Options{Trim: true}, " a")
	off := survey(t, Options{}, " a")
	if len(on) != 1 || len(off) != 1 || on[0].Message == off[0].Message || off[0].Kind != "outer_space" {
		t.Errorf("with trim %+v, without %+v", on, off)
	}
}

// TestSurveyTellsNobody: no warning holds an identity.
func TestSurveyTellsNobody(t *testing.T) {
	ids := []string{"secret one", " SECRET2", "secret2", "secret@example.com", "8.76E+15", "#REF!"}
	for i := range 200 {
		ids = append(ids, fmt.Sprint(7_654_000+i))
	}
	warnings := survey(t, Options{Trim: true, Dedupe: true}, ids...)
	if len(warnings) < 6 {
		t.Errorf("only %d warnings", len(warnings))
	}
	for _, w := range warnings {
		for _, id := range ids {
			if strings.Contains(strings.ToLower(w.Message), strings.ToLower(strings.TrimSpace(id))) {
				t.Errorf("%s shows an identity: %s", w.Kind, w.Message)
			}
		}
	}
}

func TestSurveyAllocatesNothing(t *testing.T) {
	var s Survey
	records := []Record{
		{Identity: []byte("client-19827239")}, {Identity: []byte("a@example.com")}, {Identity: []byte("NULL")},
		{Identity: []byte("9.19E+11")}, {Identity: []byte("Ann\u00a0Smith")}, {Identity: []byte("+919812345678")},
	}
	if n := testing.AllocsPerRun(100, func() {
		for i := range records {
			s.Add(&records[i])
		}
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkSurvey(b *testing.B) {
	for _, id := range []string{"client-19827239", "19827239", "someone@example.com", "6ba7b810-9dad-11d1-80b4-00c04fd430c8"} {
		b.Run(id, func(b *testing.B) {
			var s Survey
			r := Record{Identity: []byte(id)}
			for b.Loop() {
				s.Add(&r)
			}
		})
	}
}
