package checkpoint

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/bulkdemerge/bulkdemerge/internal/vfs"
)

// TestOnDisk leads a short life on the machine's own file system.
func TestOnDisk(t *testing.T) {
	o := Options{FS: vfs.OS{}, Dir: filepath.Join(t.TempDir(), "new", "run"), ReportHead: []byte(testHead)}
	st, err := Create(o, testHeader)
	must(t, err)
	settle := func(seq int64, index []int, status string) {
		a, rows := answerOf(seq, index, status)
		must(t, st.Settle(a, rows))
	}
	again := func() {
		must(t, st.Close())
		st, err = Open(o)
		must(t, err)
		must(t, st.Verify(context.Background()))
		must(t, st.Began(testStart))
	}
	must(t, st.Began(testStart))
	settle(1, nil, "failed")
	must(t, st.Sync(nil))
	settle(2, nil, "accepted")
	again()
	settle(3, []int{0}, "failed")
	must(t, st.Rewrite(retried))
	settle(3, []int{1}, "accepted")
	must(t, st.Close())
	f, err := os.OpenFile(filepath.Join(o.Dir, ReportFile), os.O_APPEND|os.O_WRONLY, 0)
	must(t, err)
	_, err = f.WriteString("4.0,acc")
	must(t, err)
	must(t, f.Close())
	st, err = Open(o)
	must(t, err)
	again()
	must(t, st.Finish())
	must(t, st.Sync(nil))
	must(t, st.Close())

	report, err := os.ReadFile(filepath.Join(o.Dir, ReportFile))
	must(t, err)
	rows, err := rowsOf(string(report))
	must(t, err)
	v, err := Look(o.FS, o.Dir, o.ReportHead, nil)
	must(t, err)
	if v.Counts != rows.counts() || v.Counts.Accepted != int64(recordsOf(1)+recordsOf(2)+2) || !v.Finished || v.Starts != 3 {
		t.Errorf("rows %v, view %+v", rows, v)
	}
	entries, err := os.ReadDir(o.Dir)
	must(t, err)
	if len(entries) != 3 {
		t.Errorf("files %v", entries)
	}
	for _, e := range entries {
		info, err := e.Info()
		must(t, err)
		if mode := info.Mode().Perm(); mode != fs.FileMode(0o600) && runtime.GOOS != "windows" {
			t.Errorf("mode of %s is %o", e.Name(), mode)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
