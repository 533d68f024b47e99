package sandbox

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// inBubble runs a test against the server inside the process, in time that
// stands still while anything can go on.
func inBubble(t *testing.T, o Options, test func(t *testing.T, s *Server, way http.RoundTripper)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := New(o)
		test(t, s, s.Transport())
	})
}

func TestBusyIsTheIntegralOfTheRequestsAtWork(t *testing.T) {
	inBubble(t, Options{Latency: 25 * time.Millisecond}, func(t *testing.T, s *Server, way http.RoundTripper) {
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				for range 10 {
					send(t, way, request(t.Context(), t, anyURL, "a"))
				}
			})
		}
		time.Sleep(10 * time.Millisecond)
		if b := s.Books(); b.BusySeconds != 0.03 || b.Identities != 0 {
			t.Errorf("in the middle of the first three: %+v", b)
		}
		wg.Wait()
		b := s.Books()
		if b.BusySeconds != 0.75 || b.MaxInFlight != 3 || b.Identities != 30 || b.Distinct != 1 || b.Repeated != 29 {
			t.Errorf("got %+v", b)
		}
		if took := b.LastAt.Sub(b.FirstAt); took != 250*time.Millisecond {
			t.Errorf("from the first to the last took %v", took)
		}
	})
}

// TestWhichAnswersAreWork: of all that can happen to a request, the time of
// those that the API worked on is busy time.
func TestWhichAnswersAreWork(t *testing.T) {
	for _, tt := range []struct {
		faults Faults
		busy   float64 // seconds
	}{
		{Faults{}, 1}, {Faults{Drop: 1}, 1}, {Faults{Garbage: 1}, 1}, {Faults{Partial: 1}, 1},
		{Faults{TooMany: 1}, 0}, {Faults{Internal: 1}, 0}, {Faults{Unavailable: 1}, 0}, {Faults{Reset: 1}, 0},
	} {
		inBubble(t, Options{Latency: time.Second, Faults: tt.faults}, func(t *testing.T, s *Server, way http.RoundTripper) {
			start := time.Now()
			send(t, way, request(t.Context(), t, anyURL, "a"))
			if b, took := s.Books(), time.Since(start).Seconds(); b.BusySeconds != tt.busy || took != tt.busy {
				t.Errorf("%+v: took %v s, busy %v s, want %v s", tt.faults, took, b.BusySeconds, tt.busy)
			}
		})
	}
}

func TestResetBooksInTheMiddleOfARequest(t *testing.T) {
	inBubble(t, Options{Latency: time.Second}, func(t *testing.T, s *Server, way http.RoundTripper) {
		send(t, way, request(t.Context(), t, anyURL, "before"))
		var wg sync.WaitGroup
		wg.Go(func() { send(t, way, request(t.Context(), t, anyURL, "during")) })
		time.Sleep(400 * time.Millisecond)
		s.ResetBooks()
		wg.Wait()
		b := s.Books()
		if b.BusySeconds != 0.6 || b.Identities != 1 || s.Count("before") != 0 || s.Count("during") != 1 {
			t.Errorf("got %+v", b)
		}
	})
}

func TestJitterStaysInItsBounds(t *testing.T) {
	o := Options{Latency: 20 * time.Millisecond, Jitter: 10 * time.Millisecond}
	inBubble(t, o, func(t *testing.T, s *Server, way http.RoundTripper) {
		least, most := time.Hour, time.Duration(0)
		for range 200 {
			start := time.Now()
			send(t, way, request(t.Context(), t, anyURL, "a"))
			least, most = min(least, time.Since(start)), max(most, time.Since(start))
		}
		if least < 10*time.Millisecond || least > 12*time.Millisecond || most > 30*time.Millisecond || most < 28*time.Millisecond {
			t.Errorf("answers took %v to %v, want 10ms to 30ms", least, most)
		}
	})
}

func TestTooManyAtOnceForOneAccount(t *testing.T) {
	for _, tt := range []struct{ slots, others, taken int }{{0, 0, 3}, {3, 1, 2}, {5, 0, 5}, {2, 2, 0}, {1, 9, 0}} {
		o := Options{Slots: tt.slots, Others: tt.others, Latency: time.Second}
		inBubble(t, o, func(t *testing.T, s *Server, way http.RoundTripper) {
			var wg sync.WaitGroup
			for i := range 10 {
				wg.Go(func() { send(t, way, request(t.Context(), t, anyURL, strconv.Itoa(i))) })
			}
			other := request(t.Context(), t, anyURL, "of another account")
			other.Header.Set("X-CleverTap-Account-Id", "XYZ")
			status, _, _ := send(t, way, other)
			wg.Wait()
			if want := tt.taken > 0; (status == 200) != want {
				t.Errorf("%+v: another account got %d", tt, status)
			}
			b := s.Books()
			mine := b.Answers["success"] - int64(s.Count("of another account"))
			if mine != int64(tt.taken) || b.Answers["429"] < 10-mine || b.BusySeconds != float64(b.Answers["success"]) {
				t.Errorf("%+v: %+v", tt, b)
			}
		})
	}
}

func TestHangHoldsItsSlotUntilTheClientGoes(t *testing.T) {
	inBubble(t, Options{Slots: 1, Faults: Faults{Hang: 1}}, func(t *testing.T, s *Server, way http.RoundTripper) {
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, _, err := send(t, way, request(ctx, t, anyURL, "a")); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v", err)
			}
		})
		time.Sleep(29 * time.Second)
		if status, _, _ := send(t, way, request(t.Context(), t, anyURL, "b")); status != 429 {
			t.Errorf("beside a hung request: %d", status)
		}
		wg.Wait()
		s.SetFaults(Faults{})
		if status, _, _ := send(t, way, request(t.Context(), t, anyURL, "b")); status != 200 {
			t.Errorf("behind a hung request: %d", status)
		}
		b := s.Books()
		want := map[string]int64{"hang": 1, "429": 1, "success": 1}
		if b.HungSeconds != 30 || b.BusySeconds != 0 || s.Count("a") != 0 || !maps.Equal(b.Answers, want) {
			t.Errorf("got %+v", b)
		}
	})
}

func TestHangFor(t *testing.T) {
	o := Options{Faults: Faults{Hang: 1}, HangFor: 5 * time.Second}
	inBubble(t, o, func(t *testing.T, s *Server, way http.RoundTripper) {
		start := time.Now()
		if _, _, err := send(t, way, request(t.Context(), t, anyURL, "a")); err == nil {
			t.Error("a hung request was answered")
		}
		if took := time.Since(start); took != 5*time.Second {
			t.Errorf("it took %v", took)
		}
	})
}

func TestClientThatLeavesIsNotApplied(t *testing.T) {
	inBubble(t, Options{Latency: time.Second}, func(t *testing.T, s *Server, way http.RoundTripper) {
		ctx, cancel := context.WithTimeout(t.Context(), 400*time.Millisecond)
		defer cancel()
		if _, _, err := send(t, way, request(ctx, t, anyURL, "a")); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		if _, _, err := send(t, way, request(ctx, t, anyURL, "a")); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("with a dead context: %v", err)
		}
		b := s.Books()
		if b.Requests != 1 || s.Count("a") != 0 || b.Answers["gone"] != 1 || b.BusySeconds != 0.4 {
			t.Errorf("got %+v", b)
		}
	})
}

func TestDown(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, s *Server, way http.RoundTripper) {
		status := func() int {
			got, _, _ := send(t, way, request(t.Context(), t, anyURL, "a"))
			return got
		}
		before := status()
		s.SetDownFor(4 * time.Second)
		during := status()
		time.Sleep(4 * time.Second)
		after := status()
		s.SetDown(true)
		time.Sleep(time.Hour)
		still := status()
		s.SetDown(false)
		if got := [...]int{before, during, after, still, status()}; got != [...]int{200, 503, 200, 503, 200} {
			t.Errorf("got %v", got)
		}
	})
}

// TestBooksUnderConcurrency: what the clients were told and what the server
// says it took agree, over real connections and more of them than slots.
func TestBooksUnderConcurrency(t *testing.T) {
	faults, err := ParseFaults("429=5%,500=5%,503=5%,reset=5%,garbage=5%")
	if err != nil {
		t.Fatal(err)
	}
	s := New(Options{Slots: 4, Latency: time.Millisecond, Jitter: time.Millisecond, Faults: faults, Seed: 3})
	base, way := listen(t, s)
	const clients, each = 6, 60
	var mu sync.Mutex
	taken, answers := map[string]int{}, int64(0)
	var wg sync.WaitGroup
	for c := range clients {
		wg.Go(func() {
			for i := range each {
				ids := []string{strconv.Itoa(i), strconv.Itoa(1000*c + i), "everybody"}
				status, says, _ := send(t, way, request(t.Context(), t, base+Path, ids...))
				mu.Lock()
				if status != 0 {
					answers++
				}
				if status == 200 && says == `{"status":"success"}` {
					for _, id := range ids {
						taken[id]++
					}
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	b := s.Books()
	total := int64(0)
	for id, n := range taken {
		total += int64(n)
		if s.Count(id) != n {
			t.Errorf("%s: taken %d times, the books say %d", id, n, s.Count(id))
		}
	}
	if b.Identities != total || b.Distinct != int64(len(taken)) || b.Repeated != total-b.Distinct || total == 0 {
		t.Errorf("taken %d, different %d; the books: %+v", total, len(taken), b)
	}
	repeats := 0
	for times, n := range s.Repeats() {
		repeats += (times - 1) * n
	}
	if int64(repeats) != b.Repeated {
		t.Errorf("the repeats make %d, the books say %d", repeats, b.Repeated)
	}
	if b.Requests != clients*each || b.Requests != answers+b.Answers["reset"] || b.MaxInFlight > clients || b.MaxInFlight < 4 {
		t.Errorf("answers to clients %d; the books: %+v", answers, b)
	}
	if busy := b.BusySeconds; busy <= 0 || busy > 4*b.LastAt.Sub(b.FirstAt).Seconds() {
		t.Errorf("four slots were busy for %v s in %v", busy, b.LastAt.Sub(b.FirstAt))
	}
	if len(s.traffic.flights)+len(s.traffic.accounts) != 0 {
		t.Errorf("still in flight: %d", len(s.traffic.flights))
	}
}
