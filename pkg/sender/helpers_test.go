package sender_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/bulkdemerge/bulkdemerge/internal/sandbox"
	"github.com/bulkdemerge/bulkdemerge/pkg/batcher"
	"github.com/bulkdemerge/bulkdemerge/pkg/sender"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	account  = "ABC-123-4DE"
	passcode = "PASS-CODE-OF-THE-TEST"
)

// name is the identity of a record.
func name(i int) string { return fmt.Sprintf("client-%07d", i) }

// batches cuts n identities into batches of size.
func batches(n, size int) []sender.Work {
	var list []sender.Work
	for from := 0; from < n; from += size {
		b := &batcher.Batch{Seq: int64(len(list) + 1)}
		var index []int
		for i := from; i < min(from+size, n); i++ {
			index = append(index, len(b.Records))
			b.Records = append(b.Records, batcher.Record{Identity: []byte(name(i)), Line: int64(i + 1)})
		}
		b.Sends = len(index)
		list = append(list, sender.Work{Batch: b, Index: index})
	}
	return list
}

// row is what was settled about one identity.
type row struct {
	status   sender.Status
	reason   string
	code     int
	http     int
	attempts int
}

// ledger is the settling side: it keeps one row an identity, and every breach
// of "one record, one row".
type ledger struct {
	mu     sync.Mutex
	rows   map[string]row
	twice  []string
	empty  int
	onCall func(sender.Outcome) error
}

func newLedger() *ledger { return &ledger{rows: map[string]row{}} }

func (l *ledger) settle(o sender.Outcome) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(o.Index) == 0 || !slices.IsSorted(o.Index) {
		l.empty++
	}
	for _, i := range o.Index {
		id := string(o.Batch.Records[i].Identity)
		if _, known := l.rows[id]; known {
			l.twice = append(l.twice, id)
		}
		l.rows[id] = row{o.Status, o.Reason, o.Code, o.HTTPStatus, o.Attempts}
	}
	if l.onCall != nil {
		return l.onCall(o)
	}
	return nil
}

func (l *ledger) count(s sender.Status) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for _, r := range l.rows {
		if r.status == s {
			n++
		}
	}
	return n
}

// from hands out the list, then io.EOF.
func from(list []sender.Work) func(context.Context) (sender.Work, error) {
	return func(context.Context) (sender.Work, error) {
		if len(list) == 0 {
			return sender.Work{}, io.EOF
		}
		w := list[0]
		list = list[1:]
		return w, nil
	}
}

// options are those of the tests against a sandbox inside the process.
func options(s *sandbox.Server) sender.Options {
	return sender.Options{Endpoint: "http://localhost", AccountID: account, Passcode: passcode, Transport: s.Transport()}
}

func mustNew(t testing.TB, o sender.Options) *sender.Sender {
	t.Helper()
	s, err := sender.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// stopOf is the StopError that err must be.
func stopOf(t testing.TB, err error, kind sender.StopKind) *sender.StopError {
	t.Helper()
	var stop *sender.StopError
	if !errors.As(err, &stop) || stop.Kind != kind {
		t.Fatalf("stopped with %v, want a %s", err, kind)
	}
	return stop
}

// roundTrip is a transport made of a function.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) {
	defer r.Body.Close()
	return f(r)
}

// bodyOf reads a request's body and leaves it to be read again.
func bodyOf(r *http.Request) []byte {
	data, err := io.ReadAll(r.Body)
	if err != nil {
		panic(err)
	}
	r.Body = io.NopCloser(bytes.NewReader(data))
	return data
}

// reply is an answer of the API, or of whoever stands in its place.
func reply(r *http.Request, status, body string, header ...string) *http.Response {
	code, err := strconv.Atoi(status[:3])
	if err != nil {
		panic(err)
	}
	h := http.Header{}
	for i := 0; i+1 < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	return &http.Response{Status: status, StatusCode: code, ProtoMajor: 1, ProtoMinor: 1, Header: h,
		Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)), Request: r}
}
