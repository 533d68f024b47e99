package checkpoint

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/bulkdemerge/bulkdemerge/internal/vfs/crashfs"
)

// stopped is a run that was stopped cleanly, by its files.
func stopped(t *testing.T, rewritten bool) (map[string]string, books) {
	l := &life{t: t, fs: crashfs.New()}
	l.create()
	l.settle(1, nil, "accepted")
	l.sync()
	l.settle(2, []int{0, 3}, "failed")
	l.settle(3, nil, "rejected")
	l.sync()
	if rewritten {
		l.rewrite()
		l.settle(4, nil, "accepted")
		l.sync()
	}
	l.must(l.st.Close())
	return l.fs.Files(), l.now.settled
}

// disk puts files on a disk; a nil content is a file that is not there.
func disk(files map[string]string, name string, content []byte) *crashfs.FS {
	fsys := crashfs.New()
	_ = fsys.MkdirAll("run") // nothing fails here
	for n, c := range files {
		fsys.Put(n, []byte(c))
	}
	fsys.Put(name, content)
	return fsys
}

// openAll opens and verifies a run, as every start does.
func openAll(fsys *crashfs.FS) (*Store, error) {
	st, err := Open(testOptions(fsys))
	if err != nil {
		return nil, err
	}
	return st, st.Verify(context.Background())
}

// damages are what can happen to a file while nobody runs, by name.
func damages(content string, yield func(what string, damaged []byte)) {
	for i := 0; i < len(content); i += damageEvery {
		for _, bit := range []byte{0x01, 0x80, 0x04} {
			b := []byte(content)
			b[i] ^= bit
			yield(fmt.Sprintf("bit %#x of byte %d flipped", bit, i), b)
		}
		yield(fmt.Sprintf("cut to %d bytes", i), []byte(content[:i]))
		b := []byte(content)
		clear(b[i:])
		yield(fmt.Sprintf("zeros from byte %d", i), b)
		clear(b[:i])
		copy(b[min(len(b), i+8):], content[min(len(b), i+8):])
		copy(b[:i], content)
		yield(fmt.Sprintf("eight zeros at byte %d", i), b)
	}
	yield("missing", nil)
}

// TestDamage: journal or report that were damaged after a clean stop are
// refused by name, and nothing is changed; a checkpoint is made anew.
func TestDamage(t *testing.T) {
	for _, rewritten := range []bool{false, true} {
		files, settled := stopped(t, rewritten)
		for _, name := range []string{"run/" + JournalFile, "run/" + ReportFile} {
			damages(files[name], func(what string, damaged []byte) {
				fsys := disk(files, name, damaged)
				before := fsys.Files()
				st, err := openAll(fsys)
				d, ok := errors.AsType[*DamagedError](err)
				if !ok || d.File != name || !strings.Contains(err.Error(), "damaged") || d.Hint() == "" {
					t.Errorf("%s, %s: %v, %v", name, what, st != nil, err)
				}
				if !maps.Equal(before, fsys.Files()) {
					t.Errorf("%s, %s: the damaged run was changed", name, what)
				}
			})
		}
		damages(files["run/"+CheckpointFile], func(what string, damaged []byte) {
			fsys := disk(files, "run/"+CheckpointFile, damaged)
			st, err := openAll(fsys)
			if v, ok := errors.AsType[*VersionError](err); ok && v.Version > Version {
				return // the flipped bit is one of the version's
			}
			if err != nil {
				t.Errorf("checkpoint, %s: %v", what, err)
				return
			}
			if len(st.View().Healed) != 1 {
				t.Errorf("checkpoint, %s: healed %q", what, st.View().Healed)
			}
			if err := agrees(st, fsys, settled, settled); err != nil {
				t.Errorf("checkpoint, %s: %v", what, err)
			}
			if err := st.Sync(nil); err != nil || len(fsys.Files()["run/"+CheckpointFile]) < 100 {
				t.Errorf("checkpoint, %s: not made anew: %v", what, err)
			}
		})
	}
}

// TestAllGone: a journal that is gone together with other files.
func TestAllGone(t *testing.T) {
	files, _ := stopped(t, false)
	delete(files, "run/"+JournalFile)
	noReport := maps.Clone(files)
	delete(noReport, "run/"+ReportFile)
	broken := maps.Clone(noReport)
	broken["run/"+CheckpointFile] = "{"
	noCheckpoint := maps.Clone(files)
	delete(noCheckpoint, "run/"+CheckpointFile)
	for name, files := range map[string]map[string]string{
		"journal": files, "journal and report": noReport, "journal and checkpoint": noCheckpoint,
		"journal and report, checkpoint damaged": broken,
	} {
		_, err := openAll(disk(files, "run/x", nil))
		if _, ok := errors.AsType[*DamagedError](err); !ok {
			t.Errorf("%s gone: %v", name, err)
		}
		_, err = Look(disk(files, "run/x", nil), "run", []byte(testHead), nil)
		if _, ok := errors.AsType[*DamagedError](err); !ok {
			t.Errorf("%s gone: looked at: %v", name, err)
		}
	}
	if _, err := openAll(disk(nil, "run/x", nil)); !errors.Is(err, ErrNoRun) {
		t.Errorf("an empty folder: %v", err)
	}
}

// TestForeignFiles: files of other people that have our names are not written
// over.
func TestForeignFiles(t *testing.T) {
	for name, files := range map[string]map[string]string{
		"a short report": {"run/" + ReportFile: "a,b\n"},
		"a journal":      {"run/" + JournalFile: "dear diary"},
		"a hex journal":  {"run/" + JournalFile: "0123456789abcdef\n"},
		"a flipped line": {"run/" + ReportFile: testHead, "run/" + JournalFile: "00000000 1 h {}\n"},
	} {
		_, err := Open(testOptions(disk(files, "run/x", nil)))
		if _, ok := errors.AsType[*DamagedError](err); !ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestTails: what stands behind the end of a file is cut as a torn tail, if
// everything before it is as it was.
func TestTails(t *testing.T) {
	for _, rewritten := range []bool{false, true} {
		files, settled := stopped(t, rewritten)
		for _, name := range []string{"run/" + JournalFile, "run/" + ReportFile} {
			for _, tail := range []string{"x", "\n", "\x00\x00\x00", "9.9,accepted\n", files[name]} {
				fsys := disk(files, name, []byte(files[name]+tail))
				if err := recovers(fsys, true, settled, settled); err != nil {
					t.Errorf("%s and %.10q: %v", name, tail, err)
				}
				damaged := []byte(files["run/"+ReportFile])
				damaged[len(testHead)+2] ^= 1
				fsys = disk(files, name, []byte(files[name]+tail))
				if name == "run/"+ReportFile {
					damaged = append(damaged, tail...)
				}
				fsys.Put("run/"+ReportFile, damaged)
				before := fsys.Files()
				if _, err := Open(testOptions(fsys)); err == nil || !maps.Equal(before, fsys.Files()) {
					t.Errorf("%s and %.10q, a damaged report: %v, or it was changed", name, tail, err)
				}
			}
		}
	}
}

// TestCutIsDurable: a power cut after a start does not bring back what that
// start has cut off.
func TestCutIsDurable(t *testing.T) {
	files, _ := stopped(t, false)
	for _, name := range []string{"run/" + JournalFile, "run/" + ReportFile} {
		fsys := disk(files, name, []byte(files[name]+"torn"))
		if _, err := openAll(fsys); err != nil {
			t.Fatal(err)
		}
		for words, after := range fsys.Crashes(fsys.Len()) {
			if after.Files()[name] != files[name] {
				t.Errorf("%s: %s: %q", name, words, after.Files()[name])
			}
		}
	}
}

// TestSaved: a report that came back from a spreadsheet is told kindly.
func TestSaved(t *testing.T) {
	for _, rewritten := range []bool{false, true} {
		files, _ := stopped(t, rewritten)
		report := files["run/"+ReportFile]
		flipped := []byte(report)
		flipped[len(flipped)-3] ^= 1
		utf16 := []byte("\xff\xfe")
		for _, c := range []byte(report) {
			utf16 = append(utf16, c, 0)
		}
		for what, c := range map[string]struct {
			content string
			saved   bool
		}{
			"BOM":               {"\ufeff" + report, true},
			"CRLF":              {strings.ReplaceAll(report, "\n", "\r\n"), true},
			"BOM and CRLF":      {"\ufeff" + strings.ReplaceAll(report, "\n", "\r\n"), true},
			"quoted":            {`"` + strings.ReplaceAll(strings.ReplaceAll(report[:len(report)-1], ",", `","`), "\n", "\"\n\"") + "\"\n", true},
			"rows quoted":       {testHead + strings.ReplaceAll(strings.TrimPrefix(report, testHead), "accepted", `"accepted"`), true},
			"semicolons":        {strings.ReplaceAll(report, ",", ";"), true},
			"numbers shortened": {strings.ReplaceAll(report, "1.0,", "1,"), true},
			"UTF-16":            {string(utf16), true},
			"flipped bit":       {string(flipped), false},
			"flipped in head":   {"q" + report[1:], false},
			"zeros":             {report[:40] + strings.Repeat("\x00", 90), false},
			"cut":               {report[:len(report)-4], false},
			"empty":             {"", false},
		} {
			_, err := openAll(disk(files, "run/"+ReportFile, []byte(c.content)))
			d, ok := errors.AsType[*DamagedError](err)
			if !ok || d.Saved != c.saved || strings.Contains(err.Error(), "spreadsheet") != c.saved {
				t.Errorf("%s: %v", what, err)
			}
		}
	}
}

// TestSavedWhileUnsynced: a report that was saved after the process was killed
// costs the journal nothing: put back, it is all there.
func TestSavedWhileUnsynced(t *testing.T) {
	l := &life{t: t, fs: crashfs.New()}
	l.create()
	l.settle(1, nil, "accepted")
	l.sync()
	l.settle(2, nil, "accepted")
	report := l.fs.Files()["run/"+ReportFile]
	for _, saved := range []string{strings.ReplaceAll(report, "\n", "\r\n"), strings.ReplaceAll(report, "1.0", "1")} {
		fsys := disk(l.fs.Files(), "run/"+ReportFile, []byte(saved))
		if _, err := Open(testOptions(fsys)); err == nil {
			t.Fatalf("opened with report %q", saved)
		}
		fsys.Put("run/"+ReportFile, []byte(report))
		if err := recovers(fsys, true, l.now.settled, l.now.settled); err != nil {
			t.Error(err)
		}
	}
}

// TestVersions: what a newer program wrote is refused.
func TestVersions(t *testing.T) {
	files, _ := stopped(t, false)
	c, ok := decodeCheckpoint([]byte(files["run/"+CheckpointFile]))
	if !ok {
		t.Fatal("the checkpoint can't be read")
	}
	c.Version++
	newer, err := c.encode()
	if err != nil {
		t.Fatal(err)
	}
	header, rest, _ := bytes.Cut([]byte(files["run/"+JournalFile]), []byte("\n"))
	line := bytes.Replace(header, []byte(`"version":1`), []byte(`"version":2`), 1)
	journal := append(sealEntry(line), rest...)
	sealedOtherwise := []byte(`{"format":"` + checkpointFormat + `","version":2,"records":"many"}`)
	for _, test := range []struct {
		name    string
		content []byte
	}{{CheckpointFile, newer}, {CheckpointFile, sealedOtherwise}, {JournalFile, journal}} {
		_, err := openAll(disk(files, "run/"+test.name, test.content))
		v, ok := errors.AsType[*VersionError](err)
		if !ok || v.Version != 2 || v.File != "run/"+test.name || v.Hint() == "" || v.Error() == "" {
			t.Errorf("%s: %v", test.content, err)
		}
	}
}

// TestForeignNames: a source's name is any bytes; the checkpoint is whole.
func TestForeignNames(t *testing.T) {
	l := &life{t: t, fs: crashfs.New()}
	l.create()
	start := testStart
	start.Sources = []Source{{Name: "caf\xe9 <&> \u2028.csv"}}
	l.must(l.st.Began(start))
	l.sync()
	if _, ok := decodeCheckpoint([]byte(l.fs.Files()["run/"+CheckpointFile])); !ok {
		t.Error("the checkpoint looks damaged")
	}
	var c checkpoint
	l.must(json.Unmarshal([]byte(l.fs.Files()["run/"+CheckpointFile]), &c))
	if c.Checksum == "" || c.Pinned["account"] != "ABC" {
		t.Errorf("checkpoint %+v", c)
	}
}

// TestOtherCheckpoint: one of another run tells nothing.
func TestOtherCheckpoint(t *testing.T) {
	files, settled := stopped(t, false)
	c, _ := decodeCheckpoint([]byte(files["run/"+CheckpointFile]))
	c.RunID, c.Synced.Journal = "other", 1<<40
	other, err := c.encode()
	if err != nil {
		t.Fatal(err)
	}
	fsys := disk(files, "run/"+CheckpointFile, other)
	st, err := openAll(fsys)
	if err != nil || len(st.View().Healed) != 1 {
		t.Fatalf("opened: %v", err)
	}
	if err := agrees(st, fsys, settled, settled); err != nil {
		t.Error(err)
	}
}
