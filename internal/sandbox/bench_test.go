package sandbox

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
)

// TestMemoryOfTheLedger holds it to under 50 bytes an identity, so that a
// million stay far below 100 MB.
func TestMemoryOfTheLedger(t *testing.T) {
	const n = 200_000
	s := New(Options{})
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var id []byte
	for i := range n {
		id = fmt.Appendf(id[:0], "client-%08d", i)
		s.ledger.add([][]byte{id}, []int{0})
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 50*n {
		t.Errorf("%d bytes an identity", grown/n)
	}
	if b := s.Books(); b.Distinct != n {
		t.Errorf("got %+v", b)
	}
}

// BenchmarkServe is a request of 100 new identities inside the process: what
// the sandbox itself costs, net/http aside.
func BenchmarkServe(b *testing.B) {
	s := New(Options{})
	way := s.Transport()
	r := request(b.Context(), b, anyURL, "a")
	var body strings.Builder
	n := 0
	b.ReportAllocs()
	for b.Loop() {
		body.Reset()
		body.WriteString(`{"identities":[`)
		for i := range MaxIdentities {
			if i > 0 {
				body.WriteByte(',')
			}
			n++
			fmt.Fprintf(&body, `"client-%08d"`, n)
		}
		body.WriteString("]}")
		r.Body = readCloser{strings.NewReader(body.String())}
		if resp, err := way.RoundTrip(r); err != nil || resp.StatusCode != 200 {
			b.Fatal(err)
		}
	}
}

type readCloser struct{ *strings.Reader }

func (readCloser) Close() error { return nil }

// BenchmarkListen is the same request over and over through a real connection,
// the client's share included.
func BenchmarkListen(b *testing.B) {
	s := New(Options{})
	base, way := listen(b, s)
	ids := batch(MaxIdentities)
	b.ReportAllocs()
	for b.Loop() {
		if status, _, err := send(b, way, request(b.Context(), b, base+Path, ids...)); status != 200 {
			b.Fatal(status, err)
		}
	}
}
