package reader

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"

	"github.com/agnivade/levenshtein"
)

// choice is the columns that were chosen for a CSV source.
type choice struct {
	columns       []Column
	looksLikeData bool // one was chosen by its number, and its header cell may be an identity
}

// chooseColumns finds the identity's columns in a header.
func chooseColumns(name string, header []string, o Options) (choice, error) {
	if o.Column == "" {
		return defaultColumn(name, header)
	}
	i, err := namedColumn(name, header, o.Column)
	if err != nil {
		return choice{}, err
	}
	if i >= 0 {
		return choice{columns: []Column{{Index: i, Name: header[i]}}}, nil
	}
	var c choice
	for part := range strings.SplitSeq(o.Column, ",") {
		part = strings.TrimSpace(part)
		if i, err = namedColumn(name, header, part); err != nil {
			return choice{}, err
		}
		if i < 0 {
			if i, err = columnNumber(name, part); err != nil || i >= len(header) {
				return choice{}, noSuchColumn(name, header, part)
			}
			c.looksLikeData = c.looksLikeData || looksLikeData(header[i])
		}
		c.columns = append(c.columns, Column{Index: i, Name: header[i]})
	}
	return c, nil
}

// countColumns finds the identity's columns where there is no header. cells
// is how many the first record has; 0 where that can't be told.
func countColumns(name string, cells int, o Options) (choice, error) {
	if o.Column == "" {
		if cells == 1 {
			return choice{columns: []Column{{}}}, nil
		}
		return choice{}, usage(name, "say which with --column, counted from 1",
			"it has no header, and not just one column")
	}
	var c choice
	for part := range strings.SplitSeq(o.Column, ",") {
		i, err := columnNumber(name, strings.TrimSpace(part))
		if err != nil {
			return choice{}, err
		}
		c.columns = append(c.columns, Column{Index: i})
	}
	return c, nil
}

// columnNumber turns a number counted from 1 into an index.
func columnNumber(name, s string) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 {
		return 0, usage(name, "say --column with a number counted from 1",
			"there is no header to find the column %q in", s)
	}
	return n - 1, nil
}

// namedColumn is the index of the header cell that reads name, or -1.
func namedColumn(source string, header []string, name string) (int, error) {
	return oneColumn(source, header, fmt.Sprintf("%q", name), func(cell string) bool { return cell == name })
}

// defaultColumn is the header cell that reads identity, whatever its case.
func defaultColumn(source string, header []string) (choice, error) {
	i, err := oneColumn(source, header, DefaultColumn, func(cell string) bool {
		return strings.EqualFold(cell, DefaultColumn)
	})
	switch {
	case err != nil:
		return choice{}, err
	case i >= 0:
		return choice{columns: []Column{{Index: i, Name: header[i]}}}, nil
	case len(header) == 1:
		e := usage(source, "say --column 1 if the first line is a header, or --no-header if it is an identity already",
			"no column is named %s", DefaultColumn)
		e.Columns = listColumns(header)
		if !looksLikeData(header[0]) && printable(header[0]) {
			e.what += fmt.Sprintf(", the only one is %q", header[0])
		}
		return choice{}, e
	}
	return choice{}, noSuchColumn(source, header, DefaultColumn)
}

// oneColumn is the index of the only header cell that fits, or -1.
func oneColumn(source string, header []string, what string, fits func(string) bool) (int, error) {
	found := -1
	for i, cell := range header {
		if !fits(cell) {
			continue
		}
		if found >= 0 {
			return -1, usage(source, "say which with --column and its number, counted from 1",
				"columns %d and %d are both named %s", found+1, i+1, what)
		}
		found = i
	}
	return found, nil
}

// listedColumns is how many columns a hint names at most.
const listedColumns = 20

// noSuchColumn lists the columns to choose from, the nearest name first.
func noSuchColumn(source string, header []string, name string) *UsageError {
	e := usage(source, "", "no column %q", name)
	e.Columns = listColumns(header)
	listed := e.Columns
	rest := ""
	if len(listed) > listedColumns {
		listed, rest = listed[:listedColumns], ", ..."
	}
	e.Hint = "choose one with --column: " + strings.Join(listed, ", ") + rest
	if near := nearest(e.Columns, name); near != "" {
		e.Hint = fmt.Sprintf("perhaps --column %q; %s", near, e.Hint)
	}
	return e
}

// listColumns names the header's cells. One that looks like data may be a
// person's identity, so its number stands for it.
func listColumns(header []string) []string {
	list := make([]string, len(header))
	for i, cell := range header {
		list[i] = cell
		if looksLikeData(cell) || !printable(cell) {
			list[i] = strconv.Itoa(i + 1)
		}
	}
	return list
}

// nearest is the name that is the fewest slips of the keyboard away, if they
// are few.
func nearest(names []string, name string) string {
	best, slips := "", min(3, 1+len(name)/3)
	for _, n := range names {
		if looksLikeData(n) {
			continue
		}
		d := levenshtein.ComputeDistance(strings.ToLower(n), strings.ToLower(name))
		if d < slips || best == "" && d == slips && d < len(name) {
			best, slips = n, d
		}
	}
	return best
}

// looksLikeData says that a header cell may be an identity: names of columns
// hardly ever have a digit, an @, or what JSON is written with.
func looksLikeData(cell string) bool { return strings.ContainsAny(cell, "0123456789@{}[]\"") }

// longestName is the longest column name that is shown, in bytes.
const longestName = 64

func printable(cell string) bool {
	return cell != "" && len(cell) <= longestName &&
		!strings.ContainsFunc(cell, func(r rune) bool { return !unicode.IsPrint(r) || r == unicode.ReplacementChar })
}
