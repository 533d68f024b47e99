//go:build unix

package e2e

import (
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// marker stands in every identity, so that a leak of any is found.
const marker = "zqx"

// poisoned tells the identities that the simulated API refuses.
func poisoned(id string) bool { return strings.Contains(id, "poison") }

// want is a record of an input and what may become of it.
type want struct {
	id     string
	source string
	line   int64
	status []string
}

// input is a file and what a report must say about it.
type input struct {
	content []byte
	want    []want
}

// kind is what an input is made of; the numbers are one in so many records, 0
// for none.
type kind struct {
	n                          int
	dup, blank, poison, quoted int
	dedupe                     bool
	seed                       uint64
	prefix                     string // of the identities
}

// csvInput writes a CSV; source is the name that the report will have.
func csvInput(source string, k kind) input {
	rng := rand.New(rand.NewPCG(k.seed, 1))
	one := func(in int) bool { return in > 0 && rng.IntN(in) == 0 }
	var b bytes.Buffer
	b.WriteString("no,identity,note\n")
	in := input{want: make([]want, 0, k.n)}
	line := int64(2)
	for i := range k.n {
		r := want{id: fmt.Sprintf("%s%s-%06d", k.prefix, marker, i), source: source, line: line, status: []string{"accepted"}}
		switch {
		case one(k.blank):
			r.id, r.status = "", []string{"invalid"}
		case i > 0 && one(k.dup):
			// the first one's: never poisonous, always accepted before or beside
			r.id = fmt.Sprintf("%s%s-%06d", k.prefix, marker, 0)
			if k.dedupe {
				r.status = []string{"duplicate"}
			}
		case i > 0 && one(k.poison):
			r.id, r.status = fmt.Sprintf("%s%s-poison-%06d", k.prefix, marker, i), []string{"rejected"}
		}
		if i == 0 {
			r.id, r.status = fmt.Sprintf("%s%s-%06d", k.prefix, marker, 0), []string{"accepted"}
		}
		if one(k.quoted) {
			fmt.Fprintf(&b, "%d,\"%s\",\"a note,\nof two lines\"\n", i, r.id)
			line++
		} else {
			fmt.Fprintf(&b, "%d,%s,\n", i, r.id)
		}
		line++
		in.want = append(in.want, r)
	}
	in.content = b.Bytes()
	return in
}

// gzipped is content in several gzip members.
func gzipped(t *testing.T, content []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	for part := range slices.Chunk(content, max(1, len(content)/3)) {
		z := gzip.NewWriter(&b)
		if _, err := z.Write(part); err != nil {
			t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

// row is a row of report.csv as anybody's CSV reader sees it.
type row struct {
	id, status, reason, source string
	line                       int64
	attempts                   int
}

var columns = []string{"identity", "status", "reason", "code", "http_status", "attempts", "batch", "source", "line", "settled_at"}

func reportRows(t *testing.T, dir string) []row {
	t.Helper()
	f, err := os.Open(filepath.Join(dir, "report.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.ReuseRecord, r.FieldsPerRecord = true, len(columns)
	head, err := r.Read()
	if err != nil || !slices.Equal(head, columns) {
		t.Fatalf("the report begins with %q, %v", head, err)
	}
	var rows []row
	for {
		rec, err := r.Read()
		if err == io.EOF {
			return rows
		}
		if err != nil {
			t.Fatal(err)
		}
		line, err := strconv.ParseInt(rec[8], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		attempts, err := strconv.Atoi(rec[5])
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, row{strings.Clone(rec[0]), strings.Clone(rec[1]), strings.Clone(rec[2]), strings.Clone(rec[7]), line, attempts})
	}
}

// books holds the report of a finished run against what is expected of its
// input and against what arrived at the API. It returns how many identities
// arrived more often than the report accounts for.
func (w *world) books(dir string, wants []want) int {
	w.t.Helper()
	seen := w.rows(dir, wants)
	missing := 0
	for _, x := range wants {
		if !seen[place{x.source, x.line}] {
			if missing++; missing < 4 {
				w.t.Errorf("the record at %s:%d has no row", filepath.Base(x.source), x.line)
			}
		}
	}
	if missing > 0 {
		w.t.Fatalf("%d of %d records have no row", missing, len(wants))
	}
	return w.repeated(dir, wants)
}

type place struct {
	source string
	line   int64
}

// rows checks that each row is that of a record, and no other's too.
func (w *world) rows(dir string, wants []want) map[place]bool {
	w.t.Helper()
	is := make(map[place]*want, len(wants))
	for i := range wants {
		is[place{wants[i].source, wants[i].line}] = &wants[i]
	}
	seen := make(map[place]bool, len(wants))
	for _, r := range reportRows(w.t, dir) {
		at := place{r.source, r.line}
		x := is[at]
		switch {
		case x == nil:
			w.t.Fatalf("there is a row for %s:%d, where no record is", filepath.Base(r.source), r.line)
		case seen[at]:
			w.t.Fatalf("there are two rows for %s:%d", filepath.Base(r.source), r.line)
		case x.id != r.id:
			w.t.Fatalf("the row of %s:%d is %q's, the record %q's", filepath.Base(r.source), r.line, r.id, x.id)
		case !slices.Contains(x.status, r.status):
			w.t.Fatalf("%q at line %d is %s (%s), want %v", r.id, r.line, r.status, r.reason, x.status)
		}
		seen[at] = true
	}
	return seen
}

// repeated checks that whoever is accepted arrived, as often as he is, and that
// nobody else did; what arrived more often is returned.
func (w *world) repeated(dir string, wants []want) int {
	w.t.Helper()
	accepted := map[string]int{}
	for _, r := range reportRows(w.t, dir) {
		if r.status == "accepted" {
			accepted[r.id]++
		}
	}
	times := map[string]int{}
	extra := 0
	for _, x := range wants {
		if _, known := times[x.id]; known {
			continue
		}
		n := w.api.Count(x.id)
		times[x.id] = n
		switch {
		case n < accepted[x.id]:
			w.t.Fatalf("%q is accepted %d times in the report and arrived %d times", x.id, accepted[x.id], n)
		case poisoned(x.id) && n > 0:
			w.t.Fatalf("%q was refused and arrived", x.id)
		}
		extra += n - accepted[x.id]
	}
	if b := w.api.Books(); int(b.Distinct) > len(times) {
		w.t.Fatalf("%d identities arrived, the input has %d", b.Distinct, len(times))
	}
	return extra
}
