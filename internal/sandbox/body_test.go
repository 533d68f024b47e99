package sandbox

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

func TestParseBody(t *testing.T) {
	hundred := `"a"` + strings.Repeat(`,"b"`, MaxIdentities-1)
	for _, tt := range []struct {
		name, body string
		want       string // the identities, comma-separated
		bad        refusal
	}{
		{"one", `{"identities":["a"]}`, "a", ""},
		{"spaces", ` { "identities" : [ "a b" , "c" ] } `, "a b,c", ""},
		{"pretty", "{\n\t\"identities\": [\n\"a\"\n]\n}", "a", ""},
		{"a bare string", `{"identities":"a"}`, "a", ""},
		{"escapes", `{"identities":["a\"b\u00e9\\"]}`, "a\"bé\\", ""},
		{"not ASCII", `{"identities":["é","日本"]}`, "é,日本", ""},
		{"a hundred", `{"identities":[` + hundred + `]}`, "a" + strings.Repeat(",b", 99), ""},
		{"over a hundred", `{"identities":[` + hundred + `,"c"]}`, "", overfull},
		{"none", `{"identities":[]}`, "", noneIn},
		{"an empty one", `{"identities":["a",""]}`, "", emptyIn},
		{"an empty string", `{"identities":""}`, "", emptyIn},
		{"null", `{"identities":null}`, "", badShape},
		{"null inside", `{"identities":["a",null]}`, "", badShape},
		{"numbers", `{"identities":[1,2]}`, "", badShape},
		{"lists inside", `{"identities":[["a"]]}`, "", badShape},
		{"the delete API's key", `{"guid":["a"]}`, "", badShape},
		{"the key in capitals", `{"Identities":["a"]}`, "", badShape},
		{"another key beside", `{"identities":["a"],"guid":"b"}`, "", badShape},
		{"no object", `["a"]`, "", badShape},
		{"nothing", ``, "", badJSON},
		{"cut off", `{"identities":["a"`, "", badJSON},
		{"cut off in a string", `{"identities":["a`, "", badJSON},
		{"a trailing comma", `{"identities":["a",]}`, "", badJSON},
		{"something behind", `{"identities":["a"]}x`, "", badJSON},
		{"a bare control character", "{\"identities\":[\"a\x01\"]}", "", badJSON},
		{"one in the first words", "{\"identities\":[\"\x1fbcdefghijklmnopqrstuvwxyz\"]}", "", badJSON},
		{"not UTF-8", "{\"identities\":[\"a\xff\"]}", "", badJSON},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ids, bad := parseBody([]byte(tt.body), nil)
			if bad != tt.bad {
				t.Fatalf("refusal %q, want %q", bad, tt.bad)
			}
			if bad == "" && string(bytes.Join(ids, []byte(","))) != tt.want {
				t.Errorf("got %q, want %q", ids, tt.want)
			}
		})
	}
}

func TestParseBodyTakesTheFastWayWithoutMemory(t *testing.T) {
	body := []byte(`{"identities":["client-19827239","someone@example.com","é"]}`)
	ids := make([][]byte, 0, MaxIdentities)
	if n := testing.AllocsPerRun(100, func() { ids, _ = parseBody(body, ids) }); n != 0 {
		t.Errorf("%v allocations a body, want none", n)
	}
}

// FuzzParseBody: whatever the fast parser takes, the slow one reads the same.
func FuzzParseBody(f *testing.F) {
	for _, s := range []string{
		`{"identities":["a","b"]}`, ` { "identities" : [ "a" , "b" ] } `, `{"identities":"a"}`,
		`{"identities":[]}`, `{"identities":["a\u0041"]}`, `{"identities":["a",]}`, `{"identities":["é"]} x`,
		"{\"identities\":[\"\x7f\xc3\"]}",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		fast, ok := parseFast(body, nil)
		slow, bad := parseSlow(body, nil)
		if ok && (bad != "" || !slices.EqualFunc(fast, slow, bytes.Equal)) {
			t.Errorf("fast %q, slow %q %s", fast, slow, bad)
		}
		parseBody(body, nil)
	})
}

func BenchmarkParseBody(b *testing.B) {
	body := []byte(`{"identities":["client-00000000"` + strings.Repeat(`,"client-19827239"`, MaxIdentities-1) + `]}`)
	ids := make([][]byte, 0, MaxIdentities)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		ids, _ = parseBody(body, ids)
	}
}
