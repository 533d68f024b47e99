package checkpoint

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
)

// Verify checks the report against the journal, and returns a *DamagedError
// where they differ. It reads both once, from the last rewrite on; it may run
// beside the proof of the input, and must have returned nil before anything is
// settled.
func (st *Store) Verify(ctx context.Context) error {
	st.mu.Lock()
	upTo, rewritten := st.s.reportLen, st.generation > 0
	st.mu.Unlock()
	var last *rewrite
	var lastN int64
	if rewritten {
		var err error
		if last, lastN, err = lastRewrite(st.o); err != nil {
			return err
		}
	}
	f, err := st.o.FS.Open(st.o.path(ReportFile))
	if err != nil {
		return fmt.Errorf("opening the report: %w", err)
	}
	defer f.Close()
	j, err := st.o.FS.Open(st.o.path(JournalFile))
	if err != nil {
		return fmt.Errorf("opening the journal: %w", err)
	}
	defer j.Close()
	v := verifier{o: st.o, rows: bufio.NewReaderSize(f, sumBuffer), upTo: upTo, buf: make([]byte, sumBuffer)}
	if err := v.ground(last); err != nil {
		return err
	}
	return v.answers(ctx, newJournalReader(j), lastN)
}

// verifier reads the report's rows in the order of the journal's answers.
type verifier struct {
	o    Options
	rows *bufio.Reader
	at   int64 // bytes that were checked
	upTo int64 // bytes that are to be
	buf  []byte
}

// ground checks what stands before the first answer: the header, or the last
// rewrite as a whole.
func (v *verifier) ground(last *rewrite) error {
	if last != nil {
		return v.check(last.Length, last.CRC, 0)
	}
	head := make([]byte, len(v.o.ReportHead))
	n, err := io.ReadFull(v.rows, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("reading the report: %w", err)
	}
	if !bytes.Equal(head[:n], v.o.ReportHead) {
		return v.o.damagedReport("its first line is not the one that was written", v.upTo)
	}
	v.at = int64(n)
	return nil
}

// answers checks the rows of every answer behind entry number after.
func (v *verifier) answers(ctx context.Context, j *journalReader, after int64) error {
	for v.at < v.upTo {
		e, err := j.next()
		if errors.Is(err, io.EOF) || errors.Is(err, errTorn) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading the journal: %w", err)
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if e.kind != kindAnswer || e.n <= after {
			continue
		}
		a, err := parseAnswer(e.words)
		if err != nil {
			return v.o.unreadable(e)
		}
		if err := v.check(a.rowsLen, a.rowsCRC, a.Seq); err != nil {
			return err
		}
	}
	return nil
}

// check reads the next length bytes: the rows of a batch, or, where that is 0,
// those that a retry wrote anew.
func (v *verifier) check(length int64, want uint32, batch int64) error {
	n, sum, err := sumOf(v.rows, length, v.buf)
	if err != nil {
		return err
	}
	if n != length || sum != want {
		whose := "that a retry wrote anew"
		if batch > 0 {
			whose = fmt.Sprintf("of batch %d", batch)
		}
		return v.o.damagedReport("the rows "+whose+" are gone or changed", v.upTo)
	}
	v.at += n
	return nil
}
