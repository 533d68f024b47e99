package checkpoint

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"github.com/bulkdemerge/bulkdemerge/internal/vfs"
)

// BenchmarkResume opens and verifies the run of a million records, in batches
// of 100 with 90 bytes a row.
func BenchmarkResume(b *testing.B) {
	const batches = 10_000
	o := Options{FS: vfs.OS{}, Dir: filepath.Join(b.TempDir(), "run"), ReportHead: []byte(testHead)}
	st, err := Create(o, testHeader)
	if err != nil {
		b.Fatal(err)
	}
	rows := make([]byte, 9000)
	for i := range rows {
		rows[i] = 'x'
	}
	var at Place
	for n := range int64(batches) {
		to := Place{Offset: at.Offset + 2000, Line: at.Line + 100}
		a := &Answer{Span: Span{Seq: n + 1, Start: at, End: to, Hash: uint64(n), Records: 100}, Counts: Counts{Accepted: 100}}
		if err := st.Settle(a, rows); err != nil {
			b.Fatal(err)
		}
		at = to
	}
	if err := errors.Join(st.Sync(nil), st.Close()); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		st, err := Open(o)
		if err != nil {
			b.Fatal(err)
		}
		if err := errors.Join(st.Verify(context.Background()), st.Close()); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*batches*100/b.Elapsed().Seconds(), "records/s")
}
