package pipeline_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/bulkdemerge/bulkdemerge/internal/sandbox"
	"github.com/bulkdemerge/bulkdemerge/internal/vfs/crashfs"
	"github.com/bulkdemerge/bulkdemerge/pkg/batcher"
	"github.com/bulkdemerge/bulkdemerge/pkg/pipeline"
	"github.com/bulkdemerge/bulkdemerge/pkg/reader"
	"github.com/bulkdemerge/bulkdemerge/pkg/sender"
)

// runDir is the run directory of every run here.
const runDir = "/ids.demerge"

// record is an input record and the statuses that its row may have.
type record struct {
	id   string
	line int64
	want []string
}

// poisoned tells whom the simulated API refuses.
func poisoned(id string) bool { return strings.HasPrefix(id, "poison") }

// textOf is the records as a file of text, one a line. An invalid one is white
// space: an empty line would be no record.
func textOf(list []record) []byte {
	var b bytes.Buffer
	for _, r := range list {
		if r.id == "" {
			b.WriteString(" \n")
		} else {
			b.WriteString(r.id + "\n")
		}
	}
	return b.Bytes()
}

// call is a request as it came to the API.
type call struct {
	at      time.Time
	end     time.Time // of its answer
	from    int       // length of the file system's log when it came
	to      int       // and when its answer went; 0 while it is in flight
	ids     []string
	applied []string
}

// api stands in front of the simulated one and keeps the time, in operations of
// a file system.
type api struct {
	server *sandbox.Server
	next   http.RoundTripper

	mu       sync.Mutex
	fs       *crashfs.FS
	calls    []*call
	inFlight int
	most     int  // requests in flight
	dead     bool // the client was killed: what it still says, nobody hears
	came     func(n int)
	conflict func(id string) bool // nil: nobody; a batch with one of them is answered 409
}

func newAPI(o sandbox.Options) *api {
	o.Poison = poisoned
	s := sandbox.New(o)
	return &api{server: s, next: s.Transport()}
}

func (a *api) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	r.Body.Close()
	r.Body = io.NopCloser(bytes.NewReader(body))
	var said struct{ Identities []string }
	if err := json.Unmarshal(body, &said); err != nil {
		return nil, err
	}
	a.mu.Lock()
	if a.dead {
		a.mu.Unlock()
		return nil, syscall.ECONNREFUSED
	}
	c := &call{at: time.Now(), from: a.fs.Len(), ids: said.Identities}
	a.calls = append(a.calls, c)
	a.inFlight++
	a.most = max(a.most, a.inFlight)
	n, came := len(a.calls), a.came
	before := a.counts(c.ids)
	a.mu.Unlock()
	if came != nil {
		came(n)
	}
	next := a.next.RoundTrip
	if a.conflict != nil && slices.ContainsFunc(c.ids, a.conflict) {
		next = conflicts
	}
	resp, err := next(r)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.inFlight--
	c.to, c.end = a.fs.Len(), time.Now()
	for i, n := range a.counts(c.ids) {
		if n > before[i] {
			c.applied = append(c.applied, c.ids[i])
		}
	}
	return resp, err
}

// conflicts is the answer 409.
func conflicts(r *http.Request) (*http.Response, error) {
	return &http.Response{
		Status: "409 Conflict", StatusCode: http.StatusConflict, ProtoMajor: 1, ProtoMinor: 1, Request: r,
		Header: http.Header{"Content-Type": {"application/json"}},
		Body:   io.NopCloser(strings.NewReader(`{"status":"fail","error":"Conflict","code":409}`)),
	}, nil
}

func (a *api) counts(ids []string) []int {
	out := make([]int, len(ids))
	for i, id := range ids {
		out[i] = a.server.Count(id)
	}
	return out
}

// die is the kill of the client at this moment: what the file system's log
// holds by now is what the next process finds.
func (a *api) die() *crashfs.FS {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.dead = true
	return a.fs.Killed(a.fs.Len())
}

// mostASecond is the most requests that any second saw.
func mostASecond(calls []*call) int {
	most, from := 0, 0
	for i, c := range calls {
		for c.at.Sub(calls[from].at) >= time.Second {
			from++
		}
		most = max(most, i-from+1)
	}
	return most
}

// setting is how a run is done.
type setting struct {
	inputs  []string
	stdin   []byte // if inputs is "-"
	format  string
	batcher batcher.Options
	sender  sender.Options
	limit   int64
}

// begin makes ready to run on a file system. Every process has its own
// client, so calls of a dead one are told from those of the next.
func (s *setting) options(fs *crashfs.FS, a *api) pipeline.Options {
	a.mu.Lock()
	a.fs, a.dead, a.came = fs, false, nil
	a.mu.Unlock()
	o := pipeline.Options{
		Inputs: s.inputs, Reader: reader.Options{Format: s.format, Trim: true}, Batcher: s.batcher, Sender: s.sender,
		Dir: runDir, FS: fs, Limit: s.limit, Loopback: true, Host: "localhost", Tool: "test", Command: "again",
		Pinned: map[string]string{"--account-id": "A", "--batch-size": strconv.Itoa(s.batcher.BatchSize)},
		Lock:   func(string) (io.Closer, error) { return io.NopCloser(nil), nil },
	}
	if s.stdin != nil {
		o.Reader.Stdin = bytes.NewReader(s.stdin)
	}
	o.Batcher.Trim = true
	o.Sender.Endpoint, o.Sender.AccountID, o.Sender.Passcode, o.Sender.Transport = "http://localhost", "A", "P", a
	return o
}

// run does one start and returns its exit code.
func run(ctx context.Context, o pipeline.Options) (int, error) {
	s, err := pipeline.Open(ctx, o)
	if err != nil {
		return codeOf(err), err
	}
	sum, err := s.Run(ctx)
	closeErr := s.Close()
	if err != nil {
		return codeOf(err), err
	}
	if closeErr != nil {
		return -1, fmt.Errorf("closing: %w", closeErr)
	}
	if sum.Stop != nil {
		return sum.ExitCode, errors.New(sum.Stop.Message)
	}
	return sum.ExitCode, nil
}

func codeOf(err error) int {
	var e *pipeline.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return -1
}

// audit holds the report of a finished run against its input and the API's
// books: one row a record, nobody accepted who did not arrive. extra is how
// many arrived more often than the report accounts for.
func audit(fs *crashfs.FS, list []record, arrived func(id string) int) (extra int, err error) {
	rows, err := rowsOf(fs)
	if err != nil {
		return 0, err
	}
	accepted := map[string]int{}
	for _, r := range list {
		row, ok := rows[r.line]
		if !ok {
			return 0, fmt.Errorf("line %d has no row", r.line)
		}
		if row.id != r.id || !slices.Contains(r.want, row.status) {
			return 0, fmt.Errorf("line %d, %q, has the row %+v, want %v", r.line, r.id, row, r.want)
		}
		if row.status == "accepted" {
			accepted[r.id]++
		}
	}
	if len(rows) != len(list) {
		return 0, fmt.Errorf("%d rows of %d records", len(rows), len(list))
	}
	seen := map[string]bool{}
	for _, r := range list {
		if seen[r.id] || r.id == "" {
			continue
		}
		seen[r.id] = true
		n := arrived(r.id)
		if n < accepted[r.id] {
			return 0, fmt.Errorf("%q is accepted %d times and arrived %d times", r.id, accepted[r.id], n)
		}
		if n > 0 && poisoned(r.id) {
			return 0, fmt.Errorf("%q was refused and arrived", r.id)
		}
		extra += n - accepted[r.id]
	}
	return extra, nil
}

type row struct{ id, status string }

// rowsOf reads the report by its lines' numbers; two rows for one line are an
// error.
func rowsOf(fs *crashfs.FS) (map[int64]row, error) {
	r := csv.NewReader(strings.NewReader(fs.Files()[filepath.Join(runDir, "report.csv")]))
	all, err := r.ReadAll()
	if err != nil || len(all) == 0 {
		return nil, fmt.Errorf("reading the report of %d lines: %w", len(all), err)
	}
	rows := map[int64]row{}
	for _, f := range all[1:] {
		line, err := strconv.ParseInt(f[8], 10, 64)
		if err != nil {
			return nil, err
		}
		if was, twice := rows[line]; twice {
			return nil, fmt.Errorf("line %d has two rows, the first %+v", line, was)
		}
		rows[line] = row{strings.TrimSpace(f[0]), f[1]}
	}
	return rows, nil
}
