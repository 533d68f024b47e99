package reader

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// scanPieces runs a scanner alone over data that comes in pieces.
func scanPieces(s *scanner, b *Block, data string, piece int) (rows []row) {
	*b = Block{Data: b.Data[:0], Records: b.Records[:0]}
	end := more
	for end == more {
		n := min(piece, len(data))
		b.Data = append(b.Data, data[:n]...)
		if data = data[n:]; data == "" {
			end = clean
		}
		s.scan(b, end)
		for _, r := range b.Records {
			rows = append(rows, row{string(r.Identity), r.Line, r.Problem})
		}
		b.Offset += int64(s.pos)
		b.Line += int64(s.lines)
		b.Data = b.Data[:copy(b.Data, b.Data[s.pos:])]
		b.Records = b.Records[:0]
		s.pos, s.lines = 0, 0
	}
	return rows
}

func csvScanner(column, longest int) *scanner {
	return &scanner{
		format:  &csvFormat{delimiter: ',', columns: []int{column}},
		longest: longest,
		quotes:  quoteRun{delimiter: ','},
	}
}

// TestCSVExhaustive reads every short text that CSV's special characters can
// make.
func TestCSVExhaustive(t *testing.T) {
	const alphabet, length, longest = "\",\n\ra", 7, 4
	b := new(Block)
	text := make([]byte, length)
	var walk func(n int)
	walk = func(n int) {
		data := string(text[:n])
		for _, piece := range []int{1, length} {
			got := scanPieces(csvScanner(1, longest), b, data, piece)
			compareRows(t, fmt.Sprintf("%q in pieces of %d", data, piece), got, referenceCSV(data, ',', 1, longest))
		}
		if n == length {
			return
		}
		for i := range len(alphabet) {
			text[n] = alphabet[i]
			walk(n + 1)
		}
	}
	walk(0)
}

func TestCSVProperty(t *testing.T) {
	b := new(Block)
	rapid.Check(t, func(t *rapid.T) {
		tokens := rapid.SampledFrom([]string{`"`, `""`, ",", "\n", "\r\n", "a", `","`, "\"\n", "\n\"", "x,\"", "bcd"})
		data := strings.Join(rapid.SliceOfN(tokens, 0, 200).Draw(t, "data"), "")
		longest := rapid.IntRange(1, 60).Draw(t, "longest")
		column := rapid.IntRange(0, 2).Draw(t, "column")
		piece := rapid.IntRange(1, 100).Draw(t, "piece")
		got, want := scanPieces(csvScanner(column, longest), b, data, piece), referenceCSV(data, ',', column, longest)
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("got %v\nwant %v", got, want)
		}
	})
}

// hostile is CSV in which each line opens a quote that takes the record past
// its bound: the second half of every line is inside quotes, seen from the
// line before.
func hostile(size int) string { return strings.Repeat("d\",\"e\n", size/6) }

// TestHostileQuotesStayLinear counts the bytes that runs pass: read again from
// each line, they would be the longest record's for every line.
func TestHostileQuotesStayLinear(t *testing.T) {
	const longest = 4096
	data := hostile(64 * longest)
	s := csvScanner(1, longest)
	rows := scanPieces(s, new(Block), data, blockSize)
	if s.quotes.passed > int64(len(data)) || len(rows) < 1000 {
		t.Errorf("runs passed %d bytes of %d", s.quotes.passed, len(data))
	}
}
