//go:build browser

// Package browser looks at the page in a real browser: it needs Chromium and
// axe-core, which install.sh gets.
package browser

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/bulkdemerge/bulkdemerge/pkg/report"
)

// shots names a folder for pictures of each page, for people to look at.
const shots = "BROWSER_SHOTS"

// browser starts a fresh Chromium that asks nothing of the network.
func browser(t *testing.T) context.Context {
	t.Helper()
	opts := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.NoSandbox, chromedp.DisableGPU, chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
	)
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewExecAllocator(ctx, opts...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("start Chromium: %v", err)
	}
	return ctx
}

// tab is an open page and what it was heard to say.
type tab struct {
	ctx context.Context

	mu    sync.Mutex
	heard []string
}

// open opens HTML in a tab of its own.
func open(t *testing.T, ctx context.Context, html string, width int64, scheme string) *tab {
	t.Helper()
	file := filepath.Join(t.TempDir(), "page.html")
	if err := os.WriteFile(file, []byte(html), 0o600); err != nil {
		t.Fatal(err)
	}
	address := (&url.URL{Scheme: "file", Path: file}).String()
	p := &tab{}
	var cancel context.CancelFunc
	p.ctx, cancel = chromedp.NewContext(ctx, chromedp.WithListener(func(ev any) { p.hear(ev, address) }))
	t.Cleanup(cancel)
	err := chromedp.Do(p.ctx, chromedp.EmulateViewport(width, 900), emulate("screen", scheme), chromedp.Navigate(address))
	if err != nil {
		t.Fatalf("open the page: %v", err)
	}
	return p
}

func emulate(media, scheme string) chromedp.Action[chromedp.Void] {
	params := emulation.SetEmulatedMediaParams{
		Media: media, Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
	}
	return func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, params)
		return chromedp.Void{}, err
	}
}

// hear keeps what a good page never does: console messages, exceptions, and
// requests but the one for itself.
func (p *tab) hear(ev any, address string) {
	var text string
	switch ev := ev.(type) {
	case *runtime.EventConsoleAPICalled:
		text = fmt.Sprintf("console %s", ev.Type)
	case *runtime.EventExceptionThrown:
		text = "exception " + ev.ExceptionDetails.Text
	case *log.EventEntryAdded:
		text = "log " + ev.Entry.Text
	case *network.EventRequestWillBeSent:
		if ev.Request.URL != address {
			text = "request " + ev.Request.URL
		}
	}
	if text != "" {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.heard = append(p.heard, text)
	}
}

func (p *tab) said() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.heard...)
}

func eval[T any](t *testing.T, p *tab, js string) T {
	t.Helper()
	v, err := chromedp.Run(p.ctx, chromedp.Evaluate[T](js, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatalf("evaluate %.80s: %v", js, err)
	}
	return v
}

func render(t *testing.T, d report.PageData) string {
	t.Helper()
	var b strings.Builder
	if err := report.WritePage(&b, d); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestPage(t *testing.T) {
	ctx := browser(t)
	pages := []struct {
		name string
		data report.PageData
	}{{"long", longRun()}, {"clean", cleanRun()}, {"stopped", stoppedRun()}}
	for _, page := range pages {
		html := render(t, page.data)
		for _, width := range []int64{1280, 390} {
			for _, scheme := range []string{"light", "dark"} {
				t.Run(fmt.Sprintf("%s %d %s", page.name, width, scheme), func(t *testing.T) {
					p := open(t, ctx, html, width, scheme)
					shoot(t, p, fmt.Sprintf("%s-%d-%s.png", page.name, width, scheme))
					if over := eval[int](t, p, `document.documentElement.scrollWidth - innerWidth`); over > 0 {
						t.Errorf("the page is %d px wider than the screen", over)
					}
					eval[int](t, p, `document.querySelectorAll("details").forEach((d) => { d.open = true; }), 0`)
					axe(t, p)
					if over := eval[int](t, p, `document.documentElement.scrollWidth - innerWidth`); over > 0 {
						t.Errorf("the page with its tables open is %d px wider than the screen", over)
					}
					if said := p.said(); len(said) > 0 {
						t.Errorf("the page is not quiet: %q", said)
					}
				})
			}
		}
	}
}

func shoot(t *testing.T, p *tab, name string) {
	dir := os.Getenv(shots)
	if dir == "" {
		return
	}
	png, err := chromedp.Run(p.ctx, chromedp.FullScreenshot(100))
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, name), png, 0o600)
	}
	if err != nil {
		t.Error(err)
	}
}

// axe runs axe-core's rules over the page as it stands.
func axe(t *testing.T, p *tab) {
	t.Helper()
	for _, v := range violations(t, p) {
		t.Errorf("axe: %s", v)
	}
}

func violations(t *testing.T, p *tab) []string {
	t.Helper()
	source, err := os.ReadFile("node_modules/axe-core/axe.min.js")
	if err != nil {
		t.Fatalf("%v: run install.sh first", err)
	}
	if _, err := chromedp.Run(p.ctx, chromedp.Evaluate[chromedp.Void](string(source)+";void 0")); err != nil {
		t.Fatalf("load axe: %v", err)
	}
	return eval[[]string](t, p, `axe.run(document, {resultTypes: ["violations"]}).then((r) =>
		r.violations.map((v) => v.id + ": " + v.help + ": " + v.nodes.slice(0, 3).map((n) => n.html.slice(0, 120) + " " + n.failureSummary).join(" | ")))`)
}

const shown = `Array.from(document.querySelectorAll("#list tbody tr")).filter((r) => r.offsetParent !== null).length`

func TestSearch(t *testing.T) {
	p := open(t, browser(t), render(t, longRun()), 1280, "light")
	search := func(text string) (int, string) {
		t.Helper()
		eval[string](t, p, `document.getElementById("search").value = ""`)
		if err := chromedp.Do(p.ctx, chromedp.SendKeys(chromedp.ID("search"), text)); err != nil {
			t.Fatal(err)
		}
		return eval[int](t, p, shown), eval[string](t, p, `document.getElementById("found").textContent`)
	}
	if n := eval[int](t, p, shown); n != report.MaxPageRows {
		t.Fatalf("%d rows at first, want %d", n, report.MaxPageRows)
	}
	for _, tt := range []struct {
		text string
		rows int
	}{{"zoë.9@example.com", 1}, {"REJECTED", 143}, {"no such row", 0}} {
		n, found := search(tt.text)
		if n != tt.rows || found != fmt.Sprintf("%d of 1,000 rows", tt.rows) {
			t.Errorf("search for %q shows %d rows and says %q, want %d", tt.text, n, found, tt.rows)
		}
	}
	if n, found := search(" "); n != report.MaxPageRows || found != "1,000 rows" {
		t.Errorf("%d rows after the search was cleared, %q", n, found)
	}
	if said := p.said(); len(said) > 0 {
		t.Errorf("the page is not quiet: %q", said)
	}
}

func TestUnmask(t *testing.T) {
	p := open(t, browser(t), render(t, longRun()), 390, "dark")
	const visible = `document.body.innerText`
	secrets := []string{"client-19827239", "zoë.9@example.com", `<script>alert("x")</script>`}
	check := func(when string, want bool) {
		t.Helper()
		text := eval[string](t, p, visible)
		for _, s := range secrets {
			if strings.Contains(text, s) != want {
				t.Errorf("%s: %q visible is %v", when, s, !want)
			}
		}
		if pressed := eval[string](t, p, `document.getElementById("unmask").getAttribute("aria-pressed")`); pressed != fmt.Sprint(want) {
			t.Errorf("%s: the button says %s", when, pressed)
		}
	}
	check("at first", false)
	if text := eval[string](t, p, visible); !strings.Contains(text, "cl***39") {
		t.Error("no masked identity to be seen")
	}
	click := func() {
		t.Helper()
		if err := chromedp.Do(p.ctx, chromedp.Click(chromedp.ID("unmask"))); err != nil {
			t.Fatal(err)
		}
	}
	click()
	check("after the button", true)
	if over := eval[int](t, p, `document.documentElement.scrollWidth - innerWidth`); over > 0 {
		t.Errorf("identities make the page %d px wider than the screen", over)
	}
	axe(t, p)
	shoot(t, p, "unmasked-390-dark.png")
	click()
	check("after the button again", false)
	if said := p.said(); len(said) > 0 {
		t.Errorf("the page is not quiet: %q", said)
	}
}

// Paper is white whatever the screen was, and nobody prints a thousand rows.
func TestPrint(t *testing.T) {
	p := open(t, browser(t), render(t, longRun()), 794, "dark") // A4 at 96 dpi
	if err := chromedp.Do(p.ctx, emulate("print", "dark")); err != nil {
		t.Fatal(err)
	}
	shoot(t, p, "print.png")
	if n := eval[int](t, p, shown); n != 60 {
		t.Errorf("%d rows on paper", n)
	}
	for _, tt := range []struct{ js, want string }{
		{`getComputedStyle(document.body).backgroundColor`, "rgb(255, 255, 255)"},
		{`getComputedStyle(document.querySelector("h1")).color`, "rgb(23, 33, 43)"},
		{`getComputedStyle(document.getElementById("tools")).display`, "none"},
		{`getComputedStyle(document.querySelector(".tall")).maxHeight`, "none"},
	} {
		if got := eval[string](t, p, tt.js); got != tt.want {
			t.Errorf("%s is %s, want %s", tt.js, got, tt.want)
		}
	}
}

// The ears of these tests work: a bad page is heard.
func TestBadPageIsHeard(t *testing.T) {
	p := open(t, browser(t), `<!doctype html><title></title><p style="color:#eee;background:#fff;width:2000px">hardly to be seen
		<img src="https://example.invalid/x.png"><script>console.error("x"); nothing()</script>`, 390, "light")
	said := strings.Join(p.said(), "\n")
	for _, want := range []string{"request https://example.invalid/x.png", "console error", "exception"} {
		if !strings.Contains(said, want) {
			t.Errorf("not heard: %s in %q", want, said)
		}
	}
	rules := strings.Join(violations(t, p), "\n")
	for _, want := range []string{"color-contrast", "image-alt", "document-title", "html-has-lang"} {
		if !strings.Contains(rules, want) {
			t.Errorf("axe does not see: %s in %s", want, rules)
		}
	}
	if over := eval[int](t, p, `document.documentElement.scrollWidth - innerWidth`); over <= 0 {
		t.Error("a page that is too wide is not seen")
	}
}
