package sender

import (
	"crypto/x509"
	"fmt"
	"log/slog"
	"math"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
)

// The defaults of Options.
const (
	DefaultConcurrency = 3                // the API's limit for one account (docs: API Request Limit)
	DefaultTimeout     = 30 * time.Second // for each request
	DefaultMaxAttempts = 8                // about half a minute of backoff in all
	DefaultMaxOutage   = 15 * time.Minute // then a person should look
)

// maxConcurrency keeps a slip of the keyboard from opening thousands of
// connections; the API takes 3.
const maxConcurrency = 100

// Options say where and how a Sender sends. Endpoint, AccountID and Passcode
// have no default. The passcode is kept out of String, %v, %#v, JSON and slog.
type Options struct {
	// Endpoint is the API's base URL: https://host[:port], or
	// http://loopback[:port]. The path is always /1/demerge/profiles.json.
	Endpoint  string
	AccountID string
	Passcode  string `json:"-"`

	Concurrency int           // requests in flight at most; 0: DefaultConcurrency
	Rate        float64       // requests a second at most, of every kind; 0: no limit
	Timeout     time.Duration // for each request, from dialling to the answer's end; 0: DefaultTimeout
	MaxAttempts int           // requests for one piece before it fails, 429s and probes aside; 0: DefaultMaxAttempts
	MaxOutage   time.Duration // how long the API may be down before Run stops; 0: DefaultMaxOutage
	KeepGoing   bool          // never stop because everything is refused
	HasAccepted bool          // an earlier start of this run had an identity accepted

	RootCAs   *x509.CertPool    // trusted beside CAFile; nil: the system's
	CAFile    string            // PEM file of further authorities to trust
	UserAgent string            // empty: "bulkdemerge"
	Logger    *slog.Logger      // nil: none; it is never given an identity
	Transport http.RoundTripper // for tests; nil: the sender's own
}

// String describes the options without the passcode.
func (o Options) String() string {
	return fmt.Sprintf("endpoint %s, account %s, concurrency %d, rate %g/s, timeout %s",
		o.Endpoint, o.AccountID, o.Concurrency, o.Rate, o.Timeout)
}

// GoString is String: %#v must not show the passcode either.
func (o Options) GoString() string { return "sender.Options{" + o.String() + "}" }

// LogValue is what a log shows of the options.
func (o Options) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("endpoint", o.Endpoint),
		slog.String("account", o.AccountID),
		slog.Int("concurrency", o.Concurrency),
		slog.Float64("rate", o.Rate),
		slog.Duration("timeout", o.Timeout),
	)
}

// OptionError says what is wrong with an option, and in Hint what to do.
type OptionError struct {
	Option  string // as the command line calls it
	Problem string
	Hint    string
	Err     error // the cause, if there is one
}

func (e *OptionError) Error() string {
	if e.Err != nil {
		return e.Option + ": " + e.Problem + ": " + e.Err.Error()
	}
	return e.Option + ": " + e.Problem
}

func (e *OptionError) Unwrap() error { return e.Err }

// complete checks the options, fills in the defaults, and returns the URL that
// every request goes to.
func (o *Options) complete() (*url.URL, error) {
	target, err := targetURL(o.Endpoint)
	if err != nil {
		return nil, err
	}
	for _, c := range []struct{ option, value, hint string }{
		{"account-id", o.AccountID, "give the project id (Settings > Project) with --account-id or CLEVERTAP_ACCOUNT_ID"},
		{"passcode", o.Passcode, "give it with --passcode-file or CLEVERTAP_PASSCODE"},
	} {
		if c.value == "" {
			return nil, &OptionError{Option: c.option, Problem: "missing", Hint: c.hint}
		}
		if !headerSafe(c.value) {
			return nil, &OptionError{Option: c.option, Problem: "holds white space at an end, or a character that a header can't carry",
				Hint: "look for a stray line end or a pasted blank"}
		}
	}
	switch {
	case o.Concurrency < 0 || o.Concurrency > maxConcurrency:
		return nil, &OptionError{Option: "concurrency", Problem: fmt.Sprintf("%d is out of range", o.Concurrency),
			Hint: fmt.Sprintf("use 1 to %d; the API takes 3 at once", maxConcurrency)}
	case o.Rate < 0 || math.IsNaN(o.Rate) || math.IsInf(o.Rate, 0):
		return nil, &OptionError{Option: "rate", Problem: fmt.Sprintf("%g is out of range", o.Rate), Hint: "use requests a second, or 0 for no limit"}
	case o.Timeout < 0:
		return nil, &OptionError{Option: "timeout", Problem: o.Timeout.String() + " is out of range", Hint: "use something like 30s"}
	case o.MaxAttempts < 0:
		return nil, &OptionError{Option: "max-attempts", Problem: strconv.Itoa(o.MaxAttempts) + " is out of range", Hint: "use 1 or more"}
	case o.MaxOutage < 0:
		return nil, &OptionError{Option: "max-outage", Problem: o.MaxOutage.String() + " is out of range", Hint: "use something like 15m"}
	}
	fill(&o.Concurrency, DefaultConcurrency)
	fill(&o.Timeout, DefaultTimeout)
	fill(&o.MaxAttempts, DefaultMaxAttempts)
	fill(&o.MaxOutage, DefaultMaxOutage)
	fill(&o.UserAgent, "bulkdemerge")
	if !headerSafe(o.UserAgent) {
		return nil, &OptionError{Option: "user-agent", Problem: "holds a character that a header can't carry", Hint: "use printable ASCII"}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return target, nil
}

// fill sets a value that was left at zero.
func fill[T comparable](value *T, def T) {
	var zero T
	if *value == zero {
		*value = def
	}
}

// targetURL turns the endpoint into the one URL that requests go to. Whatever
// the endpoint says, the path is Demerge's: its neighbour, Delete, erases
// people.
func targetURL(endpoint string) (*url.URL, error) {
	bad := func(problem, hint string) (*url.URL, error) {
		return nil, &OptionError{Option: "endpoint", Problem: problem, Hint: hint}
	}
	if endpoint == "" {
		return bad("missing", "give --region ("+strings.Join(Regions(), ", ")+") or --endpoint")
	}
	u, err := url.Parse(endpoint)
	if err != nil || u.Hostname() == "" || u.Opaque != "" {
		return bad("not a URL of the form https://host", "give scheme and host, like https://in1.api.clevertap.com")
	}
	switch {
	case u.User != nil:
		return bad("holds a user name or password", "give scheme and host alone; the passcode goes in with --passcode-file")
	case u.Path != "" && u.Path != "/", u.RawQuery != "", u.Fragment != "":
		return bad("has a path", "give scheme and host alone; the path is always "+path)
	case u.Scheme == "http" && !IsLoopback(u.Hostname()):
		return bad("http would send the passcode in the clear", "use https://"+u.Host+"; http is for loopback alone")
	case u.Scheme != "https" && u.Scheme != "http":
		return bad("not a URL of the form https://host", "give scheme and host, like https://in1.api.clevertap.com")
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
			return bad("port out of range", "use 1 to 65535, or none")
		}
	}
	return &url.URL{Scheme: u.Scheme, Host: u.Host, Path: path}, nil
}

// IsLoopback says whether a host as it is written (localhost or an address)
// names this machine: a name that merely resolves to it today may resolve
// elsewhere tomorrow.
func IsLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}

// headerSafe says whether a value can stand in a header as it is.
func headerSafe(value string) bool {
	for i := range len(value) {
		if value[i] < ' ' || value[i] > '~' {
			return false
		}
	}
	return strings.TrimSpace(value) == value
}

// pool is the authorities to trust: nil stands for the system's.
func (o *Options) pool() (*x509.CertPool, error) {
	if o.CAFile == "" {
		return o.RootCAs, nil
	}
	pem, err := os.ReadFile(o.CAFile)
	if err != nil {
		return nil, &OptionError{Option: "ca-file", Problem: "can't be read", Hint: "give the PEM file of your company's authority", Err: err}
	}
	pool := o.RootCAs
	if pool == nil {
		// A machine without a pool of its own still has the file's.
		if pool, err = x509.SystemCertPool(); err != nil {
			pool = x509.NewCertPool()
		}
	} else {
		pool = pool.Clone()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, &OptionError{Option: "ca-file", Problem: "no certificate in " + o.CAFile,
			Hint: "it must be PEM: -----BEGIN CERTIFICATE-----"}
	}
	return pool, nil
}

// ProxyFor names the proxy that requests to this endpoint go through by
// HTTPS_PROXY and NO_PROXY, without its user and password; empty if none.
func ProxyFor(endpoint string) string {
	target, err := targetURL(endpoint)
	if err != nil || target.Scheme != "https" {
		return ""
	}
	proxy, err := http.ProxyFromEnvironment(&http.Request{URL: target})
	if err != nil || proxy == nil {
		return ""
	}
	return (&url.URL{Scheme: proxy.Scheme, Host: proxy.Host}).String()
}

// hostPort is the address to dial for a URL.
func hostPort(u *url.URL) string {
	if u.Port() != "" {
		return u.Host
	}
	port := "443"
	if u.Scheme == "http" {
		port = "80"
	}
	return net.JoinHostPort(u.Hostname(), port)
}

func quote(s string) string { return strconv.Quote(s) }
