package checkpoint

import (
	"encoding/json"
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/bulkdemerge/bulkdemerge/internal/vfs/crashfs"
)

// TestLook compares what is seen from outside with what the store says.
func TestLook(t *testing.T) {
	l := &life{t: t, fs: crashfs.New()}
	if _, err := Look(l.fs, "run", []byte(testHead), nil); !errors.Is(err, ErrNoRun) {
		t.Errorf("no run: %v", err)
	}
	l.create()
	l.settle(1, nil, "accepted")
	l.must(l.st.Sync(nil)) // the marks are 1 and 3 seconds after the start
	l.settle(2, []int{1}, "failed")
	l.settle(3, nil, "rejected")
	l.sync()
	var seen []string
	v, err := Look(l.fs, "run", []byte(testHead), func(_ time.Time, stats json.RawMessage) { seen = append(seen, string(stats)) })
	l.must(err)
	if want := []string{"", `{"n":1}`}; !reflect.DeepEqual(seen, want) {
		t.Errorf("visited %q, want %q", seen, want)
	}
	want := l.st.View()
	want.Elapsed, want.LastAt = 3*time.Second, testStart.At.Add(3*time.Second)
	if !reflect.DeepEqual(v, want) {
		t.Errorf("looks like %+v\nwant       %+v", v, want)
	}
	if len(v.Tallies) != 2 || v.Tallies[0].Status != "rejected" || v.Watermark != 1 || v.Highest != 3 || v.Counts.Sum() != v.Records {
		t.Errorf("view %+v", v)
	}
	l.rewrite()
	c, ok := decodeCheckpoint([]byte(l.fs.Files()["run/"+CheckpointFile]))
	if !ok || c.Synced.Generation != 1 || c.Synced.Report != l.st.View().ReportLen || c.Watermark.Batch != 1 || c.Counts.Failed != 0 {
		t.Errorf("checkpoint %+v", c)
	}
}
