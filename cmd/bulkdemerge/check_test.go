//go:build unix

package main

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// cmdJSON checks values in one JSON object; the path's words are keys or
// numbers of elements:
//
//	json stdout counts.accepted=520 stop_reason.kind=limit warnings.0.count=3 resume=null
//	json FILE has records to_send
func cmdJSON(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: json FILE PATH=VALUE... or json FILE has PATH...")
	}
	var top any
	dec := json.NewDecoder(strings.NewReader(fileOf(ts, args[0])))
	dec.UseNumber()
	if err := dec.Decode(&top); err != nil {
		ts.Fatalf("%s is no JSON: %v", args[0], err)
	}
	if dec.More() {
		ts.Fatalf("%s has more than one JSON value", args[0])
	}
	if args[1] == "has" {
		for _, path := range args[2:] {
			if _, err := at(top, path); err != nil {
				ts.Fatalf("%s: %v", args[0], err)
			}
		}
		return
	}
	for _, arg := range args[1:] {
		path, want, ok := strings.Cut(arg, "=")
		if !ok {
			ts.Fatalf("%q is no condition", arg)
		}
		v, err := at(top, path)
		if err != nil && want == "absent" {
			continue
		}
		if err != nil {
			ts.Fatalf("%s: %v", args[0], err)
		}
		got := fmt.Sprint(v)
		if v == nil {
			got = "null"
		}
		if list, is := v.([]any); is {
			got = fmt.Sprintf("%d elements", len(list))
		}
		if got != want {
			ts.Fatalf("%s: %s is %s, story says %s", args[0], path, got, want)
		}
	}
}

func at(v any, path string) (any, error) {
	for _, key := range strings.Split(path, ".") {
		switch in := v.(type) {
		case map[string]any:
			next, ok := in[key]
			if !ok {
				return nil, fmt.Errorf("there is no %s", path)
			}
			v = next
		case []any:
			i, err := strconv.Atoi(key)
			if err != nil || i >= len(in) {
				return nil, fmt.Errorf("there is no %s", path)
			}
			v = in[i]
		default:
			return nil, fmt.Errorf("there is no %s", path)
		}
	}
	return v, nil
}

// cmdLogLines checks a log of JSON lines: at most N, each an object with time,
// level and msg, without control characters: loglines FILE N
func cmdLogLines(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: loglines FILE N")
	}
	most, err := strconv.Atoi(args[1])
	ts.Check(err)
	text := fileOf(ts, args[0])
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if len(lines) > most || text == "" {
		ts.Fatalf("%s has %d lines, story says 1 to %d", args[0], len(lines), most)
	}
	for _, line := range lines {
		var l struct{ Time, Level, Msg string }
		if err := json.Unmarshal([]byte(line), &l); err != nil || l.Time == "" || l.Level == "" || l.Msg == "" {
			ts.Fatalf("%s: %q is no log line: %v", args[0], line, err)
		}
		if strings.ContainsAny(line, "\x1b\r") || strings.Contains(line, `\u001b`) {
			ts.Fatalf("%s: an escape in %q", args[0], line)
		}
	}
}

// cmdLines checks how many lines a file has: lines stdout <=10, lines f =5
func cmdLines(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: lines FILE =N|<=N|>=N")
	}
	_, want, op := cutCondition(ts, "lines"+args[1])
	if got := int64(strings.Count(fileOf(ts, args[0]), "\n")); !op(got, want) {
		ts.Fatalf("%s has %d lines, story says %s:\n%s", args[0], got, args[1], fileOf(ts, args[0]))
	}
}
