package reader

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"testing"
)

// benchmarkRecords is how many records a benchmark's file has.
const benchmarkRecords = 500_000

// benchmarkInput renders records of one kind; each is told by its number.
func benchmarkInput(header, format string) []byte {
	var b bytes.Buffer
	b.WriteString(header)
	for i := range benchmarkRecords {
		fmt.Fprintf(&b, format, i)
	}
	return b.Bytes()
}

func BenchmarkNext(b *testing.B) {
	tests := []struct{ name, file, header, format string }{
		{"csv/short", "a.csv", "identity\n", "client-%08d\n"},
		{"csv/wide", "a.csv", "name,city,identity,mail\n", "Somebody Longname,Some Town,client-%08d,someone@example.com\n"},
		{"csv/quoted", "a.csv", "name,identity\n", "\"Longname, Somebody\",\"client-%08d\"\n"},
		{"text", "a.txt", "", "client-%08d\n"},
		{"ndjson/short", "a.ndjson", "", "{\"identity\":\"client-%08d\"}\n"},
		{"ndjson/wide", "a.ndjson", "",
			"{\"name\":\"Somebody Longname\",\"age\":41,\"identity\":\"client-%08d\",\"tags\":[\"a\",\"b\"],\"ok\":true}\n"},
	}
	for _, test := range tests {
		b.Run(test.name, func(b *testing.B) {
			input := benchmarkInput(test.header, test.format)
			path := write(b, test.file, input)
			b.SetBytes(int64(len(input)))
			b.ReportAllocs()
			for b.Loop() {
				drainFast(b, path)
			}
			b.ReportMetric(float64(benchmarkRecords)*float64(b.N)/b.Elapsed().Seconds()/1e6, "Mrecords/s")
		})
	}
}

func drainFast(tb testing.TB, path string) {
	in, err := Open(context.Background(), []string{path}, Options{})
	if err != nil {
		tb.Fatal(err)
	}
	var block Block
	records := 0
	for {
		if err = in.Next(&block); err != nil {
			break
		}
		records += len(block.Records)
	}
	if err != io.EOF || records != benchmarkRecords {
		tb.Fatalf("%d records, %v", records, err)
	}
	if err := in.Close(); err != nil {
		tb.Fatal(err)
	}
}
