package report

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/gocarina/gocsv"
	"pgregory.net/rapid"

	"github.com/bulkdemerge/bulkdemerge/pkg/batcher"
	"github.com/bulkdemerge/bulkdemerge/pkg/sender"
)

const contractHeader = "identity,status,reason,code,http_status,attempts,batch,source,line,settled_at\n"

func TestHeaderIsTheContract(t *testing.T) {
	if got := string(Header()); got != contractHeader {
		t.Errorf("Header() = %q, want %q", got, contractHeader)
	}
}

var at = time.Date(2026, 3, 4, 5, 6, 7, 891, time.FixedZone("IST", 5*3600+1800))

func one(rec batcher.Record, o sender.Outcome) sender.Outcome {
	o.Batch = &batcher.Batch{Seq: 7, Records: []batcher.Record{rec}}
	o.Index = []int{0}
	o.At = at
	return o
}

func TestAppendRows(t *testing.T) {
	long := strings.Repeat("x", 1023)
	const tail = ",2026-03-03T23:36:07Z\n"
	refused := sender.Outcome{Status: sender.Rejected, Reason: "no such profile", Code: 523, HTTPStatus: 200, Attempts: 2}
	tests := []struct {
		name string
		rec  batcher.Record
		o    sender.Outcome
		want string
	}{
		{"accepted", batcher.Record{Identity: []byte("client-1"), Line: 2}, sender.Outcome{HTTPStatus: 200, Attempts: 1},
			"client-1,accepted,,,200,1,7,ids.csv,2"},
		{"rejected", batcher.Record{Identity: []byte("client-1"), Line: 2}, refused,
			"client-1,rejected,no such profile,523,200,2,7,ids.csv,2"},
		{"failed without an answer", batcher.Record{Identity: []byte("a"), Line: 9}, sender.Outcome{Status: sender.Failed, Reason: "time-out", Attempts: 8},
			"a,failed,time-out,,,8,7,ids.csv,9"},
		{"invalid keeps its own words", batcher.Record{Line: 3, Class: batcher.Invalid, Reason: "empty"}, refused,
			",invalid,empty,,,0,7,ids.csv,3"},
		{"duplicate", batcher.Record{Identity: []byte("b"), Line: 4, Class: batcher.Duplicate}, refused,
			"b,duplicate,,,,0,7,ids.csv,4"},
		{"skipped", batcher.Record{Identity: []byte("-"), Line: 5, Class: batcher.Skipped}, refused,
			"-,skipped,,,,0,7,ids.csv,5"},
		{"another source", batcher.Record{Identity: []byte("c"), Line: 1, Source: 1}, sender.Outcome{Attempts: 1},
			`c,accepted,,,,1,7,"b, c.csv",1`},
		{"quotes", batcher.Record{Identity: []byte(`a "b", c`), Line: 1}, sender.Outcome{Attempts: 1},
			`"a ""b"", c",accepted,,,,1,7,ids.csv,1`},
		{"bad bytes and controls", batcher.Record{Identity: []byte("a\xff\n\u0085é"), Line: 1, Class: batcher.Invalid, Reason: "not valid UTF-8"}, refused,
			`a\xFF\x0A\xC2\x85é,invalid,not valid UTF-8,,,0,7,ids.csv,1`},
		{"1,024 bytes stand", batcher.Record{Identity: []byte(long + "y"), Line: 1}, sender.Outcome{Attempts: 1},
			long + "y,accepted,,,,1,7,ids.csv,1"},
		{"longer is cut", batcher.Record{Identity: []byte(long + "yz"), Line: 1, Class: batcher.Invalid, Reason: "too long"}, refused,
			long + "y,invalid,too long,,,0,7,ids.csv,1"},
		{"never through a rune", batcher.Record{Identity: []byte(long + "é"), Line: 1, Class: batcher.Invalid, Reason: "too long"}, refused,
			long + ",invalid,too long,,,0,7,ids.csv,1"},
		{"a bad byte at the cut is shown", batcher.Record{Identity: []byte(long + "\xffz"), Line: 1, Class: batcher.Invalid, Reason: "too long"}, refused,
			long + `\xFF,invalid,too long,,,0,7,ids.csv,1`},
		{"reason is one line", batcher.Record{Identity: []byte("a"), Line: 1}, sender.Outcome{Status: sender.Failed, Reason: " <html>\r\n\x00bad\xff, \"x\"\n", Attempts: 1},
			"a,failed,\"<html>   bad\uFFFD, \"\"x\"\"\",,,1,7,ids.csv,1"},
		{"reason is cut at a rune", batcher.Record{Identity: []byte("a"), Line: 1}, sender.Outcome{Status: sender.Failed, Reason: strings.Repeat("é", 99) + "x" + "éé", Attempts: 1},
			"a,failed," + strings.Repeat("é", 99) + "x,,,1,7,ids.csv,1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := string(AppendRows(nil, []string{"ids.csv", "b, c.csv"}, one(tt.rec, tt.o)))
			if want := tt.want + tail; got != want {
				t.Errorf("\n got %q\nwant %q", got, want)
			}
		})
	}
}

// anyBytes draws what dirty files hold: text, quoting, controls, broken UTF-8.
func anyBytes(max int) *rapid.Generator[[]byte] {
	piece := rapid.OneOf(
		rapid.SampledFrom([]string{"client-1", ",", `"`, `\.`, `\x0A`, " ", "\u00a0", "\r\n", "\x00", "\xff", "\xe2\x82", "é", "\u0085", "\u2028", "日本", strings.Repeat("x", 1020)}),
		rapid.String(),
	)
	return rapid.Map(rapid.SliceOfN(piece, 0, max), func(p []string) []byte { return []byte(strings.Join(p, "")) })
}

func drawOutcome(t *rapid.T) ([]string, sender.Outcome) {
	sources := rapid.SliceOfN(rapid.Map(anyBytes(2), func(b []byte) string { return string(b) }), 1, 3).Draw(t, "sources")
	recs := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) batcher.Record {
		r := batcher.Record{
			Identity: anyBytes(4).Draw(t, "identity"),
			Line:     rapid.Int64Range(1, 1<<40).Draw(t, "line"),
			Source:   int32(rapid.IntRange(0, len(sources)-1).Draw(t, "source")),
			Class:    batcher.Class(rapid.IntRange(0, 3).Draw(t, "class")),
		}
		if r.Class == batcher.Invalid {
			r.Reason = rapid.SampledFrom([]string{"empty", "not valid UTF-8"}).Draw(t, "why")
		}
		return r
	}), 1, 8).Draw(t, "records")
	o := sender.Outcome{
		Batch:      &batcher.Batch{Seq: rapid.Int64Range(1, 1<<40).Draw(t, "batch"), Records: recs},
		Status:     sender.Status(rapid.IntRange(0, 2).Draw(t, "status")),
		Reason:     string(anyBytes(5).Draw(t, "reason")),
		Code:       rapid.IntRange(0, 999).Draw(t, "code"),
		HTTPStatus: rapid.SampledFrom([]int{0, 200, 400, 503}).Draw(t, "http"),
		Attempts:   rapid.IntRange(1, 20).Draw(t, "attempts"),
		At:         time.Unix(rapid.Int64Range(0, 1<<33).Draw(t, "at"), 5).UTC(),
	}
	for i := range recs {
		if rapid.Bool().Draw(t, "in") {
			o.Index = append(o.Index, i)
		}
	}
	return sources, o
}

// The law of the report: whatever the bytes, a row is one line of valid UTF-8
// without controls, gocsv and ScanRaw read the same row back from it, and gocsv
// writes that row just as AppendRows did.
func TestRowsReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sources, o := drawOutcome(t)
		b := AppendRows(Header(), sources, o)
		if !utf8.Valid(b) {
			t.Fatalf("not UTF-8: %q", b)
		}
		for i, r := range string(b) {
			if unicode.IsControl(r) && r != '\n' {
				t.Fatalf("control character %U at %d of %q", r, i, b)
			}
		}
		if n := bytes.Count(b, []byte("\n")); n != len(o.Index)+1 {
			t.Fatalf("%d lines for %d rows: %q", n, len(o.Index), b)
		}

		rows := []Row{}
		if err := Scan(bytes.NewReader(b), func(r *Row) error { rows = append(rows, *r); return nil }); err != nil {
			t.Fatalf("Scan: %v of %q", err, b)
		}
		checkRows(t, rows, sources, o)
		var again bytes.Buffer
		if err := gocsv.Marshal(rows, &again); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(again.Bytes(), b) {
			t.Fatalf("gocsv writes\n%q, AppendRows\n%q", again.Bytes(), b)
		}

		raws := []Row{}
		joined := Header()
		err := ScanRaw(bytes.NewReader(b), func(r *Raw) error {
			row, err := r.Row()
			raws = append(raws, row)
			joined = append(joined, r.Bytes...)
			return err
		})
		if err != nil || !reflect.DeepEqual(raws, rows) || !bytes.Equal(joined, b) {
			t.Fatalf("ScanRaw: %v\n%+v, Scan\n%+v", err, raws, rows)
		}
	})
}

func checkRows(t *rapid.T, rows []Row, sources []string, o sender.Outcome) {
	if len(rows) != len(o.Index) {
		t.Fatalf("%d rows for %d records", len(rows), len(o.Index))
	}
	for k, i := range o.Index {
		rec, row := o.Batch.Records[i], rows[k]
		want := Row{Status: rec.Class.String(), Reason: rec.Reason, Batch: o.Batch.Seq, Line: rec.Line, SettledAt: o.At.Truncate(time.Second)}
		if rec.Class == batcher.Send {
			want.Status, want.Code, want.HTTPStatus, want.Attempts = o.Status.String(), Number(o.Code), Number(o.HTTPStatus), o.Attempts
			want.Reason = row.Reason
			if len(row.Reason) > maxReason {
				t.Fatalf("reason of %d bytes", len(row.Reason))
			}
		}
		want.Identity, want.Source = row.Identity, row.Source
		if row != want {
			t.Fatalf("row %+v\nwant %+v", row, want)
		}
		// What can be sent stands as it was sent.
		if id := string(rec.Identity); len(id) <= maxIdentity && utf8.ValidString(id) && strings.IndexFunc(id, unicode.IsControl) < 0 && row.Identity != id {
			t.Fatalf("identity %q, want %q", row.Identity, id)
		}
	}
}

func TestScansRefuseWhatIsNoReport(t *testing.T) {
	const row = "secret-id,accepted,,,200,1,7,ids.csv,2,2026-03-03T23:36:07Z\n"
	tests := []struct{ name, in string }{
		{"empty", ""},
		{"another file", "identity\nsecret-id\n"},
		{"spreadsheet's semicolons", strings.ReplaceAll(contractHeader+row, ",", ";")},
		{"a column too few", contractHeader + "secret-id,accepted,,200,1,7,ids.csv,2,2026-03-03T23:36:07Z\n"},
		{"a column too many", contractHeader + "x," + row},
		{"quote in a bare field", contractHeader + `a"` + row},
		{"bytes behind a quote", contractHeader + `"a"` + row},
		{"open quote", contractHeader + `"` + row},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			fast := ScanRaw(strings.NewReader(tt.in), func(*Raw) error { return nil })
			slow := Scan(strings.NewReader(tt.in), func(*Row) error { return nil })
			for name, err := range map[string]error{"ScanRaw": fast, "Scan": slow} {
				if !errors.Is(err, ErrNotReport) || strings.Contains(err.Error(), "secret") {
					t.Errorf("%s: %v", name, err)
				}
			}
		})
	}
}

func TestScansAndBadValues(t *testing.T) {
	in := contractHeader + "a,accepted,,,200,secret-id,7,ids.csv,2,2026-03-03T23:36:07Z\n"
	err := Scan(strings.NewReader(in), func(*Row) error { return nil })
	if !errors.Is(err, ErrNotReport) || strings.Contains(err.Error(), "secret") {
		t.Errorf("Scan: %v", err)
	}
	err = ScanRaw(strings.NewReader(in), func(r *Raw) error { _, err := r.Row(); return err })
	if !errors.Is(err, ErrNotReport) || strings.Contains(err.Error(), "secret") {
		t.Errorf("Raw.Row: %v", err)
	}
}

func TestScanRawTornTail(t *testing.T) {
	err := ScanRaw(strings.NewReader(contractHeader+"a,accepted"), func(*Raw) error { return nil })
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("torn tail: %v", err)
	}
}

func TestScansReturnTheCallersError(t *testing.T) {
	stop := errors.New("enough")
	in := string(AppendRows(Header(), []string{"a"}, one(batcher.Record{Line: 1}, sender.Outcome{})))
	if err := Scan(strings.NewReader(in), func(*Row) error { return stop }); err != stop {
		t.Errorf("Scan: %v", err)
	}
	if err := ScanRaw(strings.NewReader(in), func(*Raw) error { return stop }); err != stop {
		t.Errorf("ScanRaw: %v", err)
	}
}

func FuzzScanRaw(f *testing.F) {
	f.Add([]byte("a,accepted,,,200,1,7,ids.csv,2,2026-03-03T23:36:07Z\n"))
	f.Add([]byte("\"a,\"\"\",rejected,\"x\",1,,1,7,ids.csv,2,2026-03-03T23:36:07Z\n"))
	f.Fuzz(func(t *testing.T, rows []byte) {
		if bytes.IndexByte(rows, '\r') >= 0 {
			t.Skip("never written; encoding/csv folds it into the line end")
		}
		in := append(Header(), rows...)
		var fast []Row
		err := ScanRaw(bytes.NewReader(in), func(r *Raw) error {
			row, err := r.Row()
			fast = append(fast, row)
			return err
		})
		if err != nil {
			return
		}
		// What ScanRaw takes, the definition takes, and alike.
		var slow []Row
		if err := Scan(bytes.NewReader(in), func(r *Row) error { slow = append(slow, *r); return nil }); err != nil {
			t.Fatalf("Scan: %v of %q", err, rows)
		}
		if fmt.Sprint(fast) != fmt.Sprint(slow) {
			t.Fatalf("ScanRaw\n%v, Scan\n%v", fast, slow)
		}
	})
}

// batchOf100 is a batch with the dirt of a real file.
func batchOf100() ([]string, sender.Outcome) {
	b := &batcher.Batch{Seq: 12345}
	o := sender.Outcome{Batch: b, HTTPStatus: 200, Attempts: 1, At: at}
	for i := range 100 {
		r := batcher.Record{Identity: fmt.Appendf(nil, "client-%08d@example.com", i), Line: int64(1000000 + i)}
		switch i % 25 {
		case 7:
			r.Class = batcher.Duplicate
		case 9:
			r.Class, r.Reason, r.Identity = batcher.Invalid, "not valid UTF-8", []byte("a\xff,\n")
		case 11:
			r.Identity = []byte("zoë, \"z\"")
		}
		b.Records = append(b.Records, r)
		o.Index = append(o.Index, i)
	}
	return []string{"export, part 1.csv"}, o
}

func TestRowsAllocateNothing(t *testing.T) {
	sources, o := batchOf100()
	o.Status, o.Reason = sender.Failed, "<html>\n"+strings.Repeat("é", 300)
	buf := AppendRows(nil, sources, o)
	if n := testing.AllocsPerRun(50, func() { buf = AppendRows(buf[:0], sources, o) }); n != 0 {
		t.Errorf("AppendRows allocates %v times for 100 rows", n)
	}
	in := bytes.Repeat(buf, 50)
	in = append(Header(), in...)
	r := bytes.NewReader(in)
	// The buffer, the header, and the room for quoted fields; nothing a row.
	if n := testing.AllocsPerRun(5, func() {
		r.Reset(in)
		if err := ScanRaw(r, func(*Raw) error { return nil }); err != nil {
			t.Fatal(err)
		}
	}); n > 200 {
		t.Errorf("ScanRaw allocates %v times for 5,000 rows", n)
	}
}

func BenchmarkAppendRows(b *testing.B) {
	sources, o := batchOf100()
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf = AppendRows(buf[:0], sources, o)
	}
	b.ReportMetric(float64(b.N)*100/b.Elapsed().Seconds(), "rows/s")
}

func benchmarkScan(b *testing.B, scan func(io.Reader) error) {
	sources, o := batchOf100()
	in := append(Header(), bytes.Repeat(AppendRows(nil, sources, o), 100)...)
	b.ReportAllocs()
	for b.Loop() {
		if err := scan(bytes.NewReader(in)); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*10000/b.Elapsed().Seconds(), "rows/s")
}

func BenchmarkScan(b *testing.B) {
	benchmarkScan(b, func(r io.Reader) error { return Scan(r, func(*Row) error { return nil }) })
}

func BenchmarkScanRaw(b *testing.B) {
	benchmarkScan(b, func(r io.Reader) error { return ScanRaw(r, func(*Raw) error { return nil }) })
}
