package report

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestAnonymous(t *testing.T) {
	tests := []struct{ reason, identity, want string }{
		{"", "", ""},
		{"no such profile", "client-1", "no such profile"},
		{"profile client-1 not found", "client-1", "profile «identity» not found"},
		{`identity "client-1", unknown`, "client-1", `identity "«identity»", unknown`},
		{"client-1", "client-1", "«identity»"},
		{"user_client-1!", "client-1", "user_«identity»!"},
		{"ab is in about", "ab", "«identity» is in about"},
		{"code 1 for 1", "1", "code «identity» for «identity»"},
		{"bad value", "a", "bad value"},
		{"no such profile: zoë k@exam", "zoë k@example.com", "no such profile: «identity»"},
		{"somebody@example.com is in the way", "client-1", "«…» is in the way"},
		{"request 8f3a-2291-17 failed", "client-1", "request «…» failed"},
		{"read tcp 127.0.0.1:54321: connection reset", "client-1", "read tcp «…»:«…»: connection reset"},
		{"HTTP 503", "client-1", "HTTP 503"},
		{"bad bytes \xff stay away", "x", "bad bytes \xff stay away"},
	}
	for _, tt := range tests {
		if got := anonymous([]byte(tt.reason), []byte(tt.identity)); got != tt.want {
			t.Errorf("anonymous(%q, %q) = %q, want %q", tt.reason, tt.identity, got, tt.want)
		}
	}
}

// However a reason speaks of an identity that can be told from a word, nobody
// can read it there afterwards.
func TestAnonymousShowsNobody(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		id := rapid.OneOf(
			rapid.StringMatching(`[a-z]{2,8}-[0-9]{1,9}`), rapid.StringMatching(`[a-zé.]{1,9}@[a-z]{1,9}\.com`),
			rapid.StringMatching(`\+[0-9]{9,12}`), rapid.StringMatching(`[a-z ]{6,20}`),
		).Draw(t, "identity")
		text := rapid.SampledFrom([]string{"", " ", "profile ", `"`, "x", ": ", "é", "4"})
		reason := text.Draw(t, "before") + id + text.Draw(t, "between") + id + text.Draw(t, "after")
		if len(id) < longIdentity {
			reason = "profile " + id + ", unknown"
		}
		if got := anonymous([]byte(reason), []byte(id)); strings.Contains(got, id) {
			t.Fatalf("%q says %q", reason, got)
		}
	})
}

func rawOf(identity, status, reason, code string) *Raw {
	return &Raw{Identity: []byte(identity), Status: []byte(status), Reason: []byte(reason), Code: []byte(code)}
}

func TestReasonsGroup(t *testing.T) {
	var g Reasons
	for i := range 50 {
		id := fmt.Sprintf("client-%d", i)
		g.Add(rawOf(id, StatusRejected, "profile "+id+" not found", "523"))
		g.Add(rawOf(id, StatusAccepted, "", ""))
		g.Add(rawOf(id, StatusDuplicate, "", ""))
		if i < 20 {
			g.Add(rawOf(id, StatusInvalid, "empty", ""))
			g.Add(rawOf(id, StatusFailed, "empty", ""))
		}
		if i < 3 {
			g.Add(rawOf(id, StatusRejected, "empty", "1"))
		}
	}
	want := []Reason{
		{StatusRejected, "profile «identity» not found", 523, 50},
		{StatusFailed, "empty", 0, 20},
		{StatusInvalid, "empty", 0, 20},
		{StatusRejected, "empty", 1, 3},
	}
	if got := g.List(); !reflect.DeepEqual(got, want) {
		t.Errorf("List() = %+v\nwant %+v", got, want)
	}
}

func TestReasonsAreBounded(t *testing.T) {
	var g Reasons
	const n = 3 * maxWordings
	for i := range n {
		// Letters only: nothing that grouping could take out.
		word := strings.Map(func(r rune) rune { return r - '0' + 'a' }, fmt.Sprint(i))
		g.Add(rawOf("x", StatusFailed, "fault "+word, ""))
	}
	list := g.List()
	if len(list) != MaxReasons+1 || len(g.wordings) > maxWordings {
		t.Errorf("%d groups, %d wordings", len(list), len(g.wordings))
	}
	if list[0] != (Reason{StatusFailed, OtherReasons, 0, n - MaxReasons}) {
		t.Errorf("the rest: %+v", list[0])
	}
}

func TestCountsAdd(t *testing.T) {
	a := Counts{1, 2, 3, 4, 5, 6}
	a.Add(Counts{10, 20, 30, 40, 50, 60})
	if want := (Counts{11, 22, 33, 44, 55, 66}); a != want {
		t.Errorf("sum %+v", a)
	}
	if a.Records() != 231 || a.NeedPerson() != 99 {
		t.Errorf("%d records, %d need a person", a.Records(), a.NeedPerson())
	}
	var b Counts
	for _, status := range []string{StatusAccepted, StatusRejected, StatusFailed, StatusInvalid, StatusDuplicate, StatusSkipped} {
		if !b.Count(status, 1) {
			t.Errorf("status %q is not counted", status)
		}
	}
	if b != (Counts{1, 1, 1, 1, 1, 1}) || b.Count("sent", 1) {
		t.Errorf("counted %+v", b)
	}
}

// Millions of failed rows are read with their reasons: that must not cost more
// than the reading.
func TestReasonsAllocateNothing(t *testing.T) {
	var g Reasons
	r := rawOf("client-1", StatusFailed, "HTTP 503: Service Unavailable", "")
	g.Add(r)
	if n := testing.AllocsPerRun(100, func() { g.Add(r) }); n != 0 {
		t.Errorf("Add allocates %v times", n)
	}
}
