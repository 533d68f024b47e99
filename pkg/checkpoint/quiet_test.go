package checkpoint

import (
	"testing"

	"github.com/bulkdemerge/bulkdemerge/internal/vfs"
)

// quiet is a file system that keeps nothing.
type quiet struct{ vfs.FS }

func (quiet) MkdirAll(string) error           { return nil }
func (quiet) Create(string) (vfs.File, error) { return quietFile{}, nil }
func (quiet) SyncDir(string) error            { return nil }
func (quiet) Rename(string, string) error     { return nil }

type quietFile struct{ vfs.File }

func (quietFile) Write(b []byte) (int, error) { return len(b), nil }
func (quietFile) Sync() error                 { return nil }
func (quietFile) Close() error                { return nil }

func BenchmarkSettle(b *testing.B) {
	st, err := Create(Options{FS: quiet{}, Dir: "run", ReportHead: []byte(testHead)}, testHeader)
	if err != nil {
		b.Fatal(err)
	}
	rows := make([]byte, 12000)
	a := &Answer{Counts: Counts{Accepted: 100}}
	b.ReportAllocs()
	for n := range b.N {
		a.Span = Span{Seq: int64(n) + 1, Records: 100}
		if err := st.Settle(a, rows); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*100/b.Elapsed().Seconds(), "records/s")
}
