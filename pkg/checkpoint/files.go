package checkpoint

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"time"
)

// Version is the format of journal and checkpoint that this package writes.
const Version = 1

// The files of a run directory that this package owns.
const (
	ReportFile     = "report.csv"
	JournalFile    = "journal"
	CheckpointFile = "checkpoint.json"
)

// Header is the first entry of a journal: what is fixed for the run's life.
type Header struct {
	Version int               `json:"version"`
	RunID   string            `json:"run_id"`
	Tool    string            `json:"tool"` // program and version that began the run
	Created time.Time         `json:"created"`
	Pinned  map[string]string `json:"pinned"` // settings that must not change between starts
}

// Source is an input as a start found it.
type Source struct {
	Name     string    `json:"name"`
	Size     int64     `json:"size"` // bytes as stored; -1: not known
	ModTime  time.Time `json:"mod_time,omitzero"`
	FileID   string    `json:"file_id,omitempty"` // device and inode, where the system has them
	Seekable bool      `json:"seekable,omitempty"`
}

// Start is an entry for each process that took the run up.
type Start struct {
	At      time.Time `json:"at"`
	Tool    string    `json:"tool"`
	PID     int       `json:"pid"`
	Host    string    `json:"host"` // whom it sends to: host and port
	Sources []Source  `json:"sources"`
	Command string    `json:"command,omitempty"` // the command line that goes on with the run
}

// mark is an entry before each sync. What it says of Synced was true before
// that sync, so that a reader who finds a mark knows that everything below
// those lengths once was on stable storage.
type mark struct {
	At     time.Time       `json:"at"`
	Synced lengths         `json:"synced"`
	Stats  json.RawMessage `json:"stats,omitempty"`
}

// lengths are how much of the two files is meant, in bytes.
type lengths struct {
	Journal    int64 `json:"journal"`
	Report     int64 `json:"report"`
	Generation int   `json:"generation"` // how often the report was rewritten
}

// end is an entry for each time that the input's end was reached with
// everything settled.
type end struct {
	At    time.Time `json:"at"`
	Batch int64     `json:"batch"`
}

// rewrite is an entry that stands before the report is replaced by another
// with the same records (retry).
type rewrite struct {
	At      time.Time `json:"at"`
	Length  int64     `json:"length"` // bytes of the new report
	CRC     uint32    `json:"crc"`    // CRC-32C of them
	Counts  Counts    `json:"counts"`
	Tallies []Tally   `json:"tallies"`
}

// checkpoint is checkpoint.json: a cache of what the journal says, and the one
// place that knows how much of it was synced last.
type checkpoint struct {
	Format    string            `json:"format"`
	Version   int               `json:"version"`
	RunID     string            `json:"run_id"`
	Tool      string            `json:"tool"`
	Created   time.Time         `json:"created"`
	Updated   time.Time         `json:"updated"`
	Pinned    map[string]string `json:"pinned"`
	Sources   []Source          `json:"sources"`
	Watermark watermark         `json:"watermark"`
	Records   int64             `json:"records"`
	Counts    Counts            `json:"counts"`
	Finished  bool              `json:"finished"`
	Synced    lengths           `json:"synced"`
	Checksum  string            `json:"checksum"` // CRC-32C of the file with an empty checksum
}

// watermark says that every batch up to it is settled, and where it ends.
type watermark struct {
	Batch  int64 `json:"batch"`
	Source int   `json:"source"`
	Offset int64 `json:"offset"`
	Line   int64 `json:"line"`
}

const checkpointFormat = "bulkdemerge checkpoint"

// sealEnd is what follows the checksum.
const sealEnd = "\"\n}"

// encode is the file's content: the checksum, which is its last field, is over
// all of it but its own digits and the last line end.
func (c checkpoint) encode() ([]byte, error) {
	c.Checksum = ""
	b, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encoding the checkpoint: %w", err)
	}
	sum := crc32.Checksum(b, castagnoli)
	b = appendHex(b[:len(b)-len(sealEnd)], uint64(sum), 8)
	return append(b, sealEnd+"\n"...), nil
}

// decodeCheckpoint returns false where b is not a checkpoint, whole and
// unchanged. One that says that it is of a newer version is taken at its word:
// how that one is sealed is not known here.
func decodeCheckpoint(b []byte) (checkpoint, bool) {
	var label struct {
		Format  string `json:"format"`
		Version int    `json:"version"`
	}
	if json.Unmarshal(b, &label) != nil || label.Format != checkpointFormat {
		return checkpoint{}, false
	}
	if label.Version > Version {
		return checkpoint{Version: label.Version}, true
	}
	var c checkpoint
	body, ok := bytes.CutSuffix(b, []byte(sealEnd+"\n"))
	if !ok || len(body) < 8 || json.Unmarshal(b, &c) != nil {
		return checkpoint{}, false
	}
	body = body[:len(body)-8]
	sum := crc32.Update(crc32.Checksum(body, castagnoli), castagnoli, []byte(sealEnd))
	return c, c.Checksum == fmt.Sprintf("%08x", sum)
}
