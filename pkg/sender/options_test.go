package sender_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bulkdemerge/bulkdemerge/pkg/sender"
)

func TestOptions(t *testing.T) {
	good := sender.Options{Endpoint: "https://in1.api.clevertap.com", AccountID: account, Passcode: passcode}
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		option string // the wrong one; empty: none
		change func(*sender.Options)
	}{
		{"", func(*sender.Options) {}},
		{"", func(o *sender.Options) { o.Endpoint = "https://in1.api.clevertap.com/" }},
		{"", func(o *sender.Options) { o.Endpoint = "https://in1.api.clevertap.com:8443" }},
		{"", func(o *sender.Options) { o.Endpoint = "http://127.0.0.1:8080" }},
		{"", func(o *sender.Options) { o.Endpoint = "http://[::1]:8080" }},
		{"", func(o *sender.Options) { o.Endpoint = "http://LOCALHOST" }},
		{"endpoint", func(o *sender.Options) { o.Endpoint = "" }},
		{"endpoint", func(o *sender.Options) { o.Endpoint = "in1.api.clevertap.com" }},
		{"endpoint", func(o *sender.Options) { o.Endpoint = "ftp://in1.api.clevertap.com" }},
		{"endpoint", func(o *sender.Options) { o.Endpoint = "https://" }},
		{"endpoint", func(o *sender.Options) { o.Endpoint = "https://in1.api.clevertap.com/1/delete/profiles.json" }},
		{"endpoint", func(o *sender.Options) { o.Endpoint = "https://in1.api.clevertap.com?x=" + passcode }},
		{"endpoint", func(o *sender.Options) { o.Endpoint = "https://me:" + passcode + "@in1.api.clevertap.com" }},
		{"endpoint", func(o *sender.Options) { o.Endpoint = "https://me:" + passcode + "@in1.api.clevertap.com:x" }},
		{"endpoint", func(o *sender.Options) { o.Endpoint = "https://in1.api.clevertap.com:99999" }},
		{"endpoint", func(o *sender.Options) { o.Endpoint = "http://in1.api.clevertap.com" }},
		{"account-id", func(o *sender.Options) { o.AccountID = "" }},
		{"account-id", func(o *sender.Options) { o.AccountID = "A\r\nB" }},
		{"passcode", func(o *sender.Options) { o.Passcode = "" }},
		{"passcode", func(o *sender.Options) { o.Passcode += "\n" }},
		{"concurrency", func(o *sender.Options) { o.Concurrency = -1 }},
		{"concurrency", func(o *sender.Options) { o.Concurrency = 1000 }},
		{"rate", func(o *sender.Options) { o.Rate = -1 }},
		{"timeout", func(o *sender.Options) { o.Timeout = -time.Second }},
		{"max-attempts", func(o *sender.Options) { o.MaxAttempts = -1 }},
		{"max-outage", func(o *sender.Options) { o.MaxOutage = -1 }},
		{"ca-file", func(o *sender.Options) { o.CAFile = empty }},
		{"ca-file", func(o *sender.Options) { o.CAFile = empty + ".none" }},
	}
	for i, c := range cases {
		o := good
		c.change(&o)
		_, err := sender.New(o)
		var bad *sender.OptionError
		switch {
		case c.option == "" && err != nil:
			t.Errorf("case %d: %v", i, err)
		case c.option != "" && (!errors.As(err, &bad) || bad.Option != c.option || bad.Hint == ""):
			t.Errorf("case %d: %v, want one about %s", i, err, c.option)
		case err != nil && strings.Contains(err.Error()+bad.Hint, passcode):
			t.Errorf("case %d shows the passcode: %v", i, err)
		}
	}
}

func TestOptionsDontShowThePasscode(t *testing.T) {
	o := sender.Options{Endpoint: "https://in1.api.clevertap.com", AccountID: account, Passcode: passcode}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("start", "options", o)
	slog.New(slog.NewTextHandler(&log, nil)).Info("start", "options", &o)
	data, err := json.Marshal(struct{ O string }{o.String()})
	if err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf("%v %+v %#v %s %v %#v", o, o, o, o, &o, &o) + log.String() + string(data)
	if strings.Contains(text, passcode) || !strings.Contains(text, account) {
		t.Error(text)
	}
}

func TestRegionURL(t *testing.T) {
	for region, want := range map[string]string{
		"eu": "https://api.clevertap.com", "in1": "https://in1.api.clevertap.com", "SG1": "https://sg1.api.clevertap.com",
		"us1": "https://us1.api.clevertap.com", "aps3": "https://aps3.api.clevertap.com", "mec1": "https://mec1.api.clevertap.com",
	} {
		if got, err := sender.RegionURL(region); got != want || err != nil {
			t.Errorf("%s: %s, %v", region, got, err)
		}
	}
	for region, hint := range map[string]string{"eu1": "mean eu?", "in": "mean in1?", "sgp1": "mean sg1?", "us": "mean us1?", "": "use one of aps3, eu"} {
		_, err := sender.RegionURL(region)
		var bad *sender.OptionError
		if !errors.As(err, &bad) || bad.Option != "region" || !strings.Contains(bad.Hint, hint) {
			t.Errorf("%q: %+v, want the hint %q", region, bad, hint)
		}
	}
}

func TestHistogram(t *testing.T) {
	var h sender.Histogram
	if h.Quantile(.5) != 0 {
		t.Error("an empty histogram has a median")
	}
	for i := range 1000 {
		h.Add(time.Duration(i+1) * time.Millisecond)
	}
	for q, want := range map[float64]time.Duration{.5: 500 * time.Millisecond, .95: 950 * time.Millisecond, .99: 990 * time.Millisecond} {
		if got := h.Quantile(q); got < want || got > want*120/100 {
			t.Errorf("quantile %g is %v, want %v or up to a fifth more", q, got, want)
		}
	}
	before := h
	h.Add(time.Hour)
	h.Add(0)
	if delta := h.Since(&before); delta.Count() != 2 {
		t.Errorf("%d since the copy", delta.Count())
	}
	before.Merge(&h)
	if before.Count() != 2002 {
		t.Errorf("merged %d", before.Count())
	}
}
