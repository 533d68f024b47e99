package report

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"html"
	"regexp"
	"strings"
	"testing"
	"time"
)

func pageOf(t *testing.T, d PageData) string {
	t.Helper()
	var b strings.Builder
	if err := WritePage(&b, d); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func pageData(samples int) PageData {
	d := PageData{Summary: finished(), Total: 1600}
	for i := range samples {
		s := Sample{At: at.Add(time.Duration(i) * time.Second), Seconds: 1, Accepted: int64(2500 + i%7*100), Answers: map[string]int64{AnswerAccepted: 25, Answer429: int64(i % 3)}}
		s.Latency.Add(time.Duration(90+i%20) * time.Millisecond)
		d.Samples = append(d.Samples, s)
	}
	for i := range MaxPageRows + 200 {
		d.Rows = append(d.Rows, Row{
			Identity: fmt.Sprintf("<b>client-%d", i), Status: StatusRejected, Code: 523,
			Reason: fmt.Sprintf("no profile <b>client-%d here", i), Source: "ids.csv", Line: int64(i), SettledAt: at,
		})
	}
	return d
}

// What a page may hold: nothing from elsewhere, no style that the policy would
// refuse, no identity but in the attribute that the button reads.
func TestPageIsOnItsOwn(t *testing.T) {
	page := pageOf(t, pageData(100))
	for _, bad := range []string{"<link", "<img", "@import", "url(", "rgb(", "http-equiv=\"refresh\"", "<b>client", "ZgotmplZ"} {
		if strings.Contains(page, bad) {
			t.Errorf("the page has %s", bad)
		}
	}
	if m := regexp.MustCompile(`<[^>]* (style|src|srcset|on[a-z]+)=`).FindString(page); m != "" {
		t.Errorf("the page has %s", m)
	}
	for _, m := range regexp.MustCompile(`(?:href|src)="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		if !strings.HasPrefix(m[1], "#") {
			t.Errorf("the page leads to %s", m[1])
		}
	}
	visible := regexp.MustCompile(`data-full="[^"]*"`).ReplaceAllString(page, "")
	if strings.Contains(visible, "client-1") {
		t.Error("an identity is not masked")
	}
	if !strings.Contains(page, `data-full="&lt;b&gt;client-1"`) {
		t.Error("the button has nothing to show")
	}
	if n := strings.Count(page, `class="id"`); n != MaxPageRows {
		t.Errorf("%d rows, want %d", n, MaxPageRows)
	}
	if !strings.Contains(page, "These are the first 1,000 of 1,600") {
		t.Error("the page does not say that there are more rows")
	}
}

// The browser runs what the policy's hashes name, and nothing else: they must
// be those of what the page really holds.
func TestPolicyNamesWhatThePageHolds(t *testing.T) {
	page := pageOf(t, pageData(10))
	policy := html.UnescapeString(regexp.MustCompile(`Content-Security-Policy" content="([^"]*)"`).FindStringSubmatch(page)[1])
	if !strings.HasPrefix(policy, "default-src 'none'; ") || strings.Contains(policy, "unsafe") {
		t.Errorf("policy %q", policy)
	}
	for _, tag := range []string{"style", "script"} {
		found := regexp.MustCompile(`(?s)<`+tag+`>(.*?)</`+tag+`>`).FindAllStringSubmatch(page, -1)
		if len(found) != 1 {
			t.Fatalf("%d times %s", len(found), tag)
		}
		sum := sha256.Sum256([]byte(found[0][1]))
		if hash := base64.StdEncoding.EncodeToString(sum[:]); !strings.Contains(policy, tag+"-src 'sha256-"+hash+"'") {
			t.Errorf("the policy refuses the page's own %s", tag)
		}
	}
}

// Each class that a chart's parts get has a rule: a part without one is black.
func TestChartsAreStyled(t *testing.T) {
	page := pageOf(t, pageData(100))
	for _, svg := range regexp.MustCompile(`(?s)<svg xmlns.*?</svg>`).FindAllString(page, -1) {
		for _, m := range regexp.MustCompile(`class="([^"]*)"`).FindAllStringSubmatch(svg, -1) {
			if !regexp.MustCompile(`\.` + m[1] + `\b[^{};]*\{`).MatchString(pageCSS) {
				t.Fatalf("no rule for .%s", m[1])
			}
		}
	}
	for _, m := range regexp.MustCompile(`class="s1(\d)" d="M1 4H17"`).FindAllStringSubmatch(page, -1) {
		if !strings.Contains(pageCSS, ".s1"+m[1]+" { stroke") {
			t.Errorf("no colour for series %s", m[1])
		}
	}
}

func TestPageOfALongRunIsSmall(t *testing.T) {
	d := pageData(200_000) // two days and more
	d.Rows = nil
	page := pageOf(t, d)
	if len(page) > 200_000 {
		t.Errorf("%d bytes", len(page))
	}
	for _, svg := range regexp.MustCompile(`(?s)<svg xmlns.*?</svg>`).FindAllString(page, -1) {
		for _, path := range regexp.MustCompile(`d="([^"]*)"`).FindAllStringSubmatch(svg, -1) {
			if n := strings.Count(path[1], "\n"); n > maxPoints+3 {
				t.Errorf("a line of %d points", n)
			}
		}
	}
}

func TestPagesOfOddRuns(t *testing.T) {
	gap := pageData(30)
	for i := range gap.Samples {
		if i > 10 && i < 20 {
			gap.Samples[i] = Sample{At: gap.Samples[i].At, Seconds: 1}
		}
	}
	tests := []struct {
		name       string
		d          PageData
		want, deny string
	}{
		{"nothing at all", PageData{}, "The run was too short", "<figure"},
		{"one sample", pageData(1), "The run was too short", "<figure"},
		{"two samples", pageData(2), "Accepted over time", "slowest stretch"},
		{"a gap without answers", gap, "The slowest stretch", "NaN"},
		{"no rows", PageData{Summary: finished()}, "There are none.", `id="search"`},
		{"stopped", PageData{Summary: Summary{State: StateStopped, Stop: &Stop{Message: "the API answered 401", Hint: "check the region"}, Resume: &Place{"ids.csv", 1234}}},
			"<strong>Why it stopped:</strong> The API answered 401.</p><p class=\"hint\">Check the region.</p></div>\n  <p>It goes on at ids.csv, line 1,234.</p>", "carries demerges out"},
		{"retry is next", PageData{Summary: Summary{Next: "bulkdemerge retry d"}}, "<code>bulkdemerge retry d</code>", "<figure"},
		{"the page itself is not next", PageData{Summary: Summary{Next: "demo/bulkdemerge report --html f d"}}, "The books", "<code>"},
		{"sandbox", PageData{Summary: Summary{State: StateFinished, Sandbox: true, Counts: Counts{Accepted: 5}}}, "Nothing has reached CleverTap", "carries demerges out"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			page := pageOf(t, tt.d)
			_, body, _ := strings.Cut(page, "</style>")
			if !strings.Contains(body, tt.want) {
				t.Errorf("no %q in\n%.4000s", tt.want, body)
			}
			if strings.Contains(body, tt.deny) {
				t.Errorf("%q in the page", tt.deny)
			}
		})
	}
}

func TestWritePageReturnsTheWritersError(t *testing.T) {
	if err := WritePage(fullDisk{}, PageData{}); !errors.Is(err, errFull) {
		t.Errorf("WritePage: %v", err)
	}
}

func TestMask(t *testing.T) {
	for id, want := range map[string]string{
		"": "", "1": "***", "123": "***", "1234": "1***", "1234567": "1***", "client-19827239": "cl***39", "zoë@example.com": "zo***om", "日本語日本語日本": "日本***日本",
	} {
		if got := mask(id); got != want {
			t.Errorf("mask(%q) = %q, want %q", id, got, want)
		}
	}
}

func TestPercentText(t *testing.T) {
	for _, tt := range []struct {
		n, of int64
		want  string
	}{{0, 0, "0 %"}, {0, 5, "0 %"}, {5, 5, "100 %"}, {1, 1_000_000, "< 0.1 %"}, {999_999, 1_000_000, "> 99.9 %"}, {1, 8, "12.5 %"}} {
		if got := percentText(tt.n, tt.of); got != tt.want {
			t.Errorf("%d of %d: %q, want %q", tt.n, tt.of, got, tt.want)
		}
	}
}

func TestNiceCeil(t *testing.T) {
	for v, want := range map[float64]float64{0: 4, 3: 3.2, 4: 4, 3100: 3200, 1100: 1200, 0.3: 0.32, 97: 100, 1e6: 1e6, 7: 8} {
		if got := niceCeil(v, 4); got < want*0.999999 || got > want*1.000001 {
			t.Errorf("niceCeil(%v, 4) = %v, want %v", v, got, want)
		}
	}
}

func TestTimeLabels(t *testing.T) {
	tests := []struct {
		each       float64
		want, unit string
	}{
		{0.5, "0.0 0.5 1.0 1.5", "seconds"}, {20, "0 20 40 60", "seconds"}, {90, "0:00 1:30 3:00 4:30", "minutes"},
		{5400, "0:00 1:30 3:00 4:30", "hours"}, {100_000, "0.0 1.2 2.3 3.5", "days"},
	}
	for _, tt := range tests {
		labels, unit := timeLabels([]Sample{{Seconds: tt.each}, {Seconds: tt.each}, {Seconds: tt.each}, {Seconds: tt.each}})
		if got := strings.Join(labels, " "); got != tt.want || unit != tt.unit {
			t.Errorf("%v: %s %s, want %s %s", tt.each, got, unit, tt.want, tt.unit)
		}
	}
}

func TestRestyle(t *testing.T) {
	got := restyle(`<path style="stroke:none;fill:none"/><text style="stroke:none;fill:rgb(1,2,3);font-size:12px">1</text><path style="stroke-width:2;stroke:rgb(1,2,10);fill:none"/><path style="stroke:none;fill:rgba(1,2,11,0.157)"/>`)
	if want := `<path class="n"/><text class="t3">1</text><path class="s10"/><path class="f11"/>`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
