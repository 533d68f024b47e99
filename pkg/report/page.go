package report

import (
	"crypto/sha256"
	_ "embed" // the page's template, style sheet and script
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
)

// MaxPageRows bounds the rows that a page shows.
const MaxPageRows = 1000

// maxPoints bounds the points of a chart, and tableRows those of the table
// that says the same in words.
const (
	maxPoints = 300
	tableRows = 20
)

//go:embed page.html
var pageHTML string

//go:embed page.css
var pageCSS string

//go:embed page.js
var pageJS string

// PageData is what a page is made of.
type PageData struct {
	Summary Summary
	Samples []Sample // of all starts, in order; any number of them
	Rows    []Row    // that need a person: the first MaxPageRows are shown
	Total   int64    // how many rows need a person
}

// WritePage writes a page that shows a run to people: one file that needs no
// network. It holds identities, masked on the screen but not in the file: the
// file is as private as the report.
func WritePage(w io.Writer, d PageData) error {
	v, err := newView(d)
	if err != nil {
		return err
	}
	t, err := template.New("page").Parse(pageHTML)
	if err != nil {
		return fmt.Errorf("parse the page's template: %w", err)
	}
	if err := t.Execute(w, v); err != nil {
		return fmt.Errorf("write the page: %w", err)
	}
	return nil
}

// policy lets the page's own style sheet and script run, and nothing else: no
// request leaves the page whatever an answer or an identity holds.
func policy() string {
	return fmt.Sprintf("default-src 'none'; style-src %s; script-src %s; base-uri 'none'; form-action 'none'",
		sourceHash(pageCSS), sourceHash(pageJS))
}

func sourceHash(source string) string {
	sum := sha256.Sum256([]byte(source))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}
