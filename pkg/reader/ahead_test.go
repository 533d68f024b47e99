package reader

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestAheadReadsAll(t *testing.T) {
	content := "identity\n" + strings.Repeat("someone\n", 200_000)
	in, err := Open(context.Background(), []string{write(t, "a.csv", []byte(content))}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	a := NewAhead(in, 2)
	records, offset := 0, int64(0)
	for {
		b, err := a.Next()
		if err != nil {
			if err != io.EOF {
				t.Error(err)
			}
			break
		}
		if b.Offset != offset {
			t.Fatalf("block at %d, want %d", b.Offset, offset)
		}
		offset += int64(len(b.Data))
		records += len(b.Records)
		a.Release(b)
	}
	if _, err := a.Next(); err != io.EOF {
		t.Errorf("behind the end: %v", err)
	}
	a.Close()
	if records != 200_000 {
		t.Errorf("%d records", records)
	}
	if err := in.Close(); err != nil {
		t.Error(err)
	}
}

// TestSlowPipe gets each record as soon as it is there, and stops while the
// pipe is silent.
func TestSlowPipe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, w := io.Pipe()
		send := func(s string) {
			if _, err := io.WriteString(w, s); err != nil {
				t.Error(err)
			}
		}
		go send("identity\n")
		in, err := Open(t.Context(), []string{"-"}, Options{Stdin: r})
		if err != nil {
			t.Fatal(err)
		}
		if _, total := in.Progress(); total != -1 {
			t.Errorf("the total of a pipe is %d", total)
		}
		a := NewAhead(in, 3)
		if b, err := a.Next(); err != nil || len(b.Records) != 0 || string(b.Data) != "identity\n" {
			t.Fatalf("no block with the header: %v", err)
		}
		for _, id := range []string{"a", "b"} {
			go send(id + "\nhalf")
			b, err := a.Next()
			if err != nil || len(b.Records) != 1 || !strings.HasSuffix(string(b.Records[0].Identity), id) {
				t.Fatalf("no record %s: %v", id, err)
			}
			a.Release(b)
		}
		synctest.Wait() // the reading waits for the pipe
		a.Close()
		if _, err := a.Next(); !errors.Is(err, context.Canceled) {
			t.Errorf("stopped with %v", err)
		}
		if err := in.Close(); err != nil {
			t.Error(err)
		}
		if err := w.Close(); err != nil { // lets the read go that nobody waits for
			t.Error(err)
		}
	})
}

func TestContextEndsReading(t *testing.T) {
	ctx, cancel := context.WithCancelCause(context.Background())
	in, err := Open(ctx, []string{write(t, "a.txt", []byte("a\n"))}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	enough := errors.New("enough")
	cancel(enough)
	if err := in.Next(new(Block)); !errors.Is(err, enough) {
		t.Errorf("ended with %v", err)
	}
	if err := in.Close(); err != nil {
		t.Error(err)
	}
	if err := in.Next(new(Block)); err == nil || errors.Is(err, os.ErrNotExist) {
		t.Errorf("closed, and %v", err)
	}
}

// Close may come while another goroutine waits for a block: it gets an error,
// also where the reading had not met one.
func TestAheadClosedUnderNext(t *testing.T) {
	in, err := Open(context.Background(), []string{write(t, "a.txt", []byte(strings.Repeat("someone\n", 400_000)))}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	a := NewAhead(in, 1)
	b, err := a.Next()
	if err != nil {
		t.Fatal(err)
	}
	a.Close()
	a.Release(b)
	ended := make(chan error, 1)
	go func() {
		_, err := a.Next()
		ended <- err
	}()
	select {
	case err := <-ended:
		if err == nil || err == io.EOF {
			t.Errorf("closed, and Next ends with %v", err)
		}
	case <-time.After(5 * time.Second):
		t.Error("closed, and Next waits for ever")
	}
	if err := in.Close(); err != nil {
		t.Error(err)
	}
}
