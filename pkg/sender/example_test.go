package sender_test

import (
	"context"
	"fmt"
	"io"

	"github.com/bulkdemerge/bulkdemerge/internal/sandbox"
	"github.com/bulkdemerge/bulkdemerge/pkg/batcher"
	"github.com/bulkdemerge/bulkdemerge/pkg/sender"
)

// The sender alone, against a simulated API that refuses one identity: no
// files, no journal, work in and outcomes out.
func Example() {
	api := sandbox.New(sandbox.Options{Poison: func(id string) bool { return id == "bob@example.com" }})
	server, err := sandbox.Listen("127.0.0.1:0", api)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer server.Close()

	s, err := sender.New(sender.Options{
		Endpoint:  server.URL, // for the real one: sender.RegionURL("in1")
		AccountID: "ABC-123-4DE",
		Passcode:  "from a file or the environment",
	})
	if err != nil {
		fmt.Println(err) // a *sender.OptionError, with a hint
		return
	}

	batch := &batcher.Batch{Seq: 1, Records: []batcher.Record{
		{Identity: []byte("ann@example.com")},
		{Identity: []byte("bob@example.com")},
		{Identity: []byte("42")},
	}}
	work := []sender.Work{{Batch: batch, Index: []int{0, 1, 2}}}
	next := func(context.Context) (sender.Work, error) {
		if len(work) == 0 {
			return sender.Work{}, io.EOF
		}
		w := work[0]
		work = work[1:]
		return w, nil
	}

	// Three slots may settle at once: a channel brings their outcomes together.
	type row struct{ identity, status string }
	rows := make(chan row, 3)
	settle := func(o sender.Outcome) error {
		for _, i := range o.Index {
			rows <- row{string(o.Batch.Records[i].Identity), o.Status.String()}
		}
		return nil
	}
	if err := s.Run(context.Background(), next, settle); err != nil {
		fmt.Println(err) // perhaps a *sender.StopError, with a hint
		return
	}
	close(rows)
	for r := range rows {
		fmt.Println(r.identity, r.status)
	}
	// Unordered output:
	// ann@example.com accepted
	// bob@example.com rejected
	// 42 accepted
}
