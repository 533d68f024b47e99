package checkpoint

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/bulkdemerge/bulkdemerge/internal/vfs"
)

// View is how far a run is.
type View struct {
	Header    Header
	Start     Start // the latest start
	Starts    int
	Watermark int64 // batches 1 to Watermark are settled
	End       Place // where the watermark's span ends
	Highest   int64 // the highest batch that has anything settled
	Records   int64 // settled records
	Counts    Counts
	Tallies   []Tally // why records were not accepted, the most frequent first
	Finished  bool
	Cuts      map[int64]int // batches that an end of the input cut: their records
	ReportLen int64         // bytes of the report that hold, header included
	Elapsed   time.Duration // of all starts before this one
	LastAt    time.Time     // of the last entry with a time
	Healed    []string      // what was put right when it was opened
}

// View is the state of the store at this moment.
func (st *Store) View() View {
	st.mu.Lock()
	defer st.mu.Unlock()
	v := st.s.view()
	v.Header, v.Start, v.Starts = st.header, st.start, st.starts
	v.Finished, v.Elapsed, v.Healed = st.finished, st.elapsed, st.healed
	return v
}

// Counts are the books at this moment.
func (st *Store) Counts() Counts {
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.s.counts
}

func (s *state) view() View {
	cuts := make(map[int64]int, len(s.cuts))
	for seq, n := range s.cuts {
		cuts[seq] = n
	}
	return View{
		Watermark: s.watermark, End: s.end, Highest: s.highest, Records: s.records,
		Counts: s.counts, Tallies: s.tallies(), Cuts: cuts, ReportLen: s.reportLen,
	}
}

// Look reads a run directory without touching it, also beside a running run.
// visit, if not nil, sees the time and the stats of each sync.
func Look(fsys vfs.FS, dir string, head []byte, visit func(time.Time, json.RawMessage)) (View, error) {
	l, err := load(Options{FS: fsys, Dir: dir, ReportHead: head, Visit: visit}, false)
	if err != nil {
		return View{}, fmt.Errorf("reading the run: %w", err)
	}
	v := l.view()
	v.Header, v.Start, v.Starts = l.header, l.start, l.starts
	v.Finished, v.Elapsed, v.LastAt, v.Healed = l.finished, l.elapsed, l.lastAt, l.healed
	return v, nil
}
