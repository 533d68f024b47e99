// Package sender turns batches into outcomes: the API client, its two gates
// (requests in flight, requests a second), retries and splitting.
package sender

import (
	"time"

	"github.com/bulkdemerge/bulkdemerge/pkg/batcher"
)

// Status is what an answer decided about a record.
type Status uint8

// The statuses that an answer can decide.
const (
	Accepted Status = iota // the API took it
	Rejected               // the API refused this identity
	Failed                 // given up after retries: safe to send again
)

// String is the status as the report's column status has it.
func (s Status) String() string {
	return [...]string{"accepted", "rejected", "failed"}[s]
}

// Work is a batch, or the part of it that is still to be sent.
type Work struct {
	Batch *batcher.Batch
	// Index holds the positions in Batch.Records that are to be sent, rising,
	// each of class Send, at least one. The sender does not change it.
	Index []int
}

// Outcome is one answer that decided some records of a batch, all with the
// same status and for the same reason. Several outcomes follow from an answer
// that accepts some records and refuses others; the accepted ones come first.
type Outcome struct {
	Batch *batcher.Batch
	// Index holds the positions in Batch.Records that are decided, rising. It
	// is valid during the call that hands the outcome over.
	Index      []int
	Status     Status
	Reason     string        // one line; the API's words where it gave any; empty if accepted
	Code       int           // the API's own code, 0 if it gave none
	HTTPStatus int           // 0 if no answer came
	Attempts   int           // requests that carried these identities, this one included
	At         time.Time     // when the answer was read
	Took       time.Duration // from the request's first byte to the answer's last
}
