package checkpoint

import (
	"bytes"
	"errors"
	"reflect"
	"testing"

	"github.com/bulkdemerge/bulkdemerge/internal/vfs/crashfs"
	"pgregory.net/rapid"
)

// anyAnswer draws an answer that adds up.
func anyAnswer(rt *rapid.T) Answer {
	number := rapid.Int64Range(0, 1<<50)
	anyPlace := func(name string) Place {
		return Place{Source: rapid.IntRange(0, 9999).Draw(rt, name), Offset: number.Draw(rt, name), Line: number.Draw(rt, name)}
	}
	a := Answer{
		Span: Span{
			Seq: number.Draw(rt, "seq"), Start: anyPlace("start"), End: anyPlace("end"), Hash: rapid.Uint64().Draw(rt, "hash"),
			Records: rapid.IntRange(1, 300).Draw(rt, "records"), Cut: rapid.Bool().Draw(rt, "cut"),
		},
		rowsLen: number.Draw(rt, "rows"), rowsCRC: rapid.Uint32().Draw(rt, "crc"),
	}
	if rapid.Bool().Draw(rt, "part") {
		for i := range a.Records {
			if rapid.Bool().Draw(rt, "decided") || a.Index == nil && i == a.Records-1 {
				a.Index = append(a.Index, i)
			}
		}
	}
	left := int64(a.decided())
	for _, n := range []*int64{&a.Counts.Accepted, &a.Counts.Rejected, &a.Counts.Failed, &a.Counts.Invalid, &a.Counts.Duplicate} {
		*n = rapid.Int64Range(0, left).Draw(rt, "count")
		left -= *n
	}
	a.Counts.Skipped = left
	for range rapid.IntRange(0, 3).Draw(rt, "tallies") {
		a.Tallies = append(a.Tallies, Tally{
			Status: rapid.StringMatching("[a-z]*").Draw(rt, "status"), Reason: rapid.String().Draw(rt, "reason"),
			Code: rapid.Int().Draw(rt, "code"), Count: number.Draw(rt, "tally"),
		})
	}
	return a
}

// TestAnswerRoundTrip: what is written is what is read.
func TestAnswerRoundTrip(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		a := anyAnswer(rt)
		words, err := appendAnswer(nil, &a)
		if err != nil || bytes.ContainsRune(words, '\n') {
			rt.Fatalf("words %q, %v", words, err)
		}
		got, err := parseAnswer(words)
		if err != nil || !reflect.DeepEqual(got, a) {
			rt.Fatalf("wrote %+v, read %+v, %v", a, got, err)
		}
		line := sealEntry(append(appendEntryHead(nil, 7, kindAnswer), words...))
		e, ok := parseEntry(line[:len(line)-1])
		if !ok || e.n != 7 || e.kind != kindAnswer || !bytes.Equal(e.words, words) {
			rt.Fatalf("entry %+v", e)
		}
	})
}

// FuzzAnswer: any words are refused or read as an answer that, written again,
// reads the same.
func FuzzAnswer(f *testing.F) {
	for _, words := range []string{
		"1 0:0:0 0:40:4 0123456789abcdef 4 - * 4,0,0,0,0,0 4 89abcdef",
		`3 0:0:0 1:40:4 0123456789abcdef 9 c 0-2,5,7-8 1,1,1,1,1,1 44 89abcdef [{"status":"failed","reason":"x","count":1}]`,
		"1 0:0:0 0:40:4 0123456789abcdef 999999999999 - 0-999999999998 4,0,0,0,0,0 4 89abcdef",
		"1 0:0:0 0:40:4 0123456789abcdef 4 - 3-1,, 4,0,0,0,0,0 4 89abcdef",
		"",
	} {
		f.Add([]byte(words))
	}
	f.Fuzz(func(t *testing.T, words []byte) {
		a, err := parseAnswer(words)
		if err != nil {
			return
		}
		again, err := appendAnswer(nil, &a)
		if err != nil {
			t.Fatal(err)
		}
		b, err := parseAnswer(again)
		if err != nil {
			t.Fatalf("%q read as %+v, written %q: %v", words, a, again, err)
		}
		if third, err := appendAnswer(nil, &b); err != nil || !bytes.Equal(again, third) {
			t.Fatalf("%q was written %q, then %q, %v", words, again, third, err)
		}
	})
}

// FuzzJournal: any entries, with right checksums and numbers, and any bytes
// behind them: no panic, and what opens goes on.
func FuzzJournal(f *testing.F) {
	f.Add("a1 0:0:0 0:40:4 0123456789abcdef 4 - * 4,0,0,0,0,0 4 89abcdef\nm{\"synced\":{\"journal\":-1}}\ne{}", "00000000 \x00")
	f.Add("a9 0:0:0 0:40:4 0123456789abcdef 4 - * 4,0,0,0,0,0 99999999999 89abcdef\nw{\"length\":-5}\ns{}\n?", "")
	f.Add("w{\"length\":14,\"crc\":0}\nm{\"synced\":{\"report\":99999999999,\"generation\":7}}", "")
	f.Fuzz(func(t *testing.T, entries, tail string) {
		journal := sealEntry(append(appendEntryHead(nil, 1, kindHeader), `{"version":1,"run_id":"test"}`...))
		for i, words := range bytes.Split([]byte(entries), []byte("\n")) {
			if len(words) > 0 {
				line := append(appendEntryHead(nil, int64(i)+2, words[0]), words[1:]...)
				journal = append(journal, sealEntry(line)...)
			}
		}
		fsys := disk(map[string]string{"run/" + ReportFile: testHead}, "run/"+JournalFile, append(journal, tail...))
		st, err := openAll(fsys)
		if err != nil {
			return
		}
		if v := st.View(); v.ReportLen < int64(len(testHead)) || v.Records < 0 {
			t.Fatalf("opened to %+v", v)
		}
		if err := errors.Join(st.Began(testStart), st.Sync(nil), st.Close()); err != nil {
			t.Fatal(err)
		}
	})
}

// FuzzOpen changes the three files of a run in any place: it opens to a state
// that agrees with its report, or is refused; never a record without a row,
// never a row twice.
func FuzzOpen(f *testing.F) {
	l := &life{fs: crashfs.New(), t: &testing.T{}}
	l.create()
	l.settle(1, nil, "accepted")
	l.sync()
	l.settle(2, []int{0, 3}, "failed")
	l.settle(3, nil, "rejected")
	l.sync()
	l.rewrite()
	l.settle(4, nil, "accepted")
	l.sync()
	l.settle(5, nil, "accepted")
	files := l.fs.Files()
	names := []string{"run/" + JournalFile, "run/" + ReportFile, "run/" + CheckpointFile}
	f.Add(uint8(0), uint16(300), uint16(1), []byte("x"))
	f.Add(uint8(1), uint16(14), uint16(0), []byte("\r"))
	f.Add(uint8(1), uint16(0), uint16(400), []byte{})
	f.Add(uint8(2), uint16(100), uint16(2), []byte("9999"))
	f.Add(uint8(0), uint16(1200), uint16(9999), []byte{})
	f.Fuzz(func(t *testing.T, which uint8, at, out uint16, in []byte) {
		name := names[int(which)%len(names)]
		b := []byte(files[name])
		from := min(int(at), len(b))
		to := min(from+int(out), len(b))
		fsys := disk(files, name, append(append(append([]byte(nil), b[:from]...), in...), b[to:]...))
		st, err := openAll(fsys)
		if err != nil {
			_, damaged := errors.AsType[*DamagedError](err)
			_, version := errors.AsType[*VersionError](err)
			if !damaged && !version {
				t.Fatalf("%v", err)
			}
			return
		}
		// What was synced is there, or the run would have been refused.
		if err := agrees(st, fsys, l.now.synced, l.now.settled); err != nil {
			t.Fatal(err)
		}
	})
}
