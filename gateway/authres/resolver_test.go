package authres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// slowDNS answers after a second, and counts.
type slowDNS struct {
	zone
	mu    sync.Mutex
	asked int
	fail  bool
}

func (d *slowDNS) LookupTXT(ctx context.Context, name string) ([]string, error) {
	d.mu.Lock()
	d.asked++
	fail := d.fail
	d.mu.Unlock()
	select {
	case <-time.After(time.Second):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if fail {
		return nil, errors.New("the server failed")
	}
	return d.zone.LookupTXT(ctx, name)
}

// TestResolver holds what is asked once, and how long an answer is kept.
func TestResolver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &slowDNS{zone: zone{"a.example": {"text"}}}
		r := NewResolver(d, "")
		ask := func(name string, want int) error {
			t.Helper()
			_, err := r.LookupTXT(t.Context(), name)
			if d.asked != want {
				t.Errorf("%s: asked %d times, want %d", name, d.asked, want)
			}
			return err
		}
		var group sync.WaitGroup
		for range 50 { // all at the same time, one of them in a hurry
			group.Go(func() { r.LookupTXT(t.Context(), "A.example.") })
		}
		hasty, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		var dns *net.DNSError
		if _, err := r.LookupTXT(hasty, "a.example"); !errors.As(err, &dns) || !dns.IsTemporary {
			t.Errorf("in a hurry: %v", err)
		}
		group.Wait()
		ask("a.example", 1)
		time.Sleep(FoundFor + time.Second)
		ask("a.example", 2)
		if err := ask("b.example", 3); !errors.As(err, &dns) || !dns.IsNotFound {
			t.Errorf("a name that is not there: %v", err)
		}
		ask("b.example", 3)
		time.Sleep(MissingFor + time.Second)
		ask("b.example", 4)
		d.fail = true
		if err := ask("c.example", 5); !errors.As(err, &dns) || !dns.IsTemporary || dns.IsNotFound {
			t.Errorf("a server that fails: %v", err)
		}
		ask("c.example", 5)
		time.Sleep(FailedFor + time.Second)
		ask("c.example", 6)
		for _, name := range []string{"", "a..b", "a\nb.example", fmt.Sprintf("%0300d.example", 1)} {
			if err := ask(name, 6); !errors.As(err, &dns) || !dns.IsNotFound {
				t.Errorf("%q: %v", name, err)
			}
		}
	})
}

// TestSilentServersKeepNobodyElse: what a module asks of them, with all its
// instances, keeps no other question waiting.
func TestSilentServersKeepNobodyElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const instances, questions, patience = 64, 4, time.Second
		r := NewResolver(silentDNS{zone{"a.example": {"text"}}}, "")
		var asking sync.WaitGroup
		for n := range instances {
			asking.Go(func() {
				for i := range questions {
					ctx, cancel := context.WithTimeout(t.Context(), patience)
					r.LookupMX(ctx, fmt.Sprintf("%d.%d.example", i, n))
					cancel()
				}
			})
		}
		asking.Wait() // and the servers are still waited for
		start := time.Now()
		if _, err := r.LookupTXT(t.Context(), "a.example"); err != nil || time.Since(start) > 0 {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
		r.LookupMX(t.Context(), "last.example") // ends when those before have
		synctest.Wait()
	})
}

// A name server that answers nothing is told once, as is its return, and keeps mail
// waiting less. One of which some names have no answer is not silent.
func TestSilenceIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := NewResolver(silentDNS{zone{"a.example": {"text"}, "b.example": {"text"}, "c.example": {"text"}}}, "")
		log := make(logLines, 10)
		r.Log = slog.New(slog.NewTextHandler(log, nil))
		n := 0
		ask := func() time.Duration {
			begun := time.Now()
			n++
			r.LookupMX(t.Context(), fmt.Sprintf("%d.example", n))
			return time.Since(begun)
		}
		for _, name := range []string{"a.example", "b.example"} {
			for range SilentQuestions - 1 {
				ask()
			}
			r.LookupTXT(t.Context(), name)
		}
		for range SilentQuestions {
			if took := ask(); took != QuestionTimeout || len(log) > 1 {
				t.Errorf("it took %v, with %d lines in the log", took, len(log))
			}
		}
		if took := ask(); took != SilentTimeout {
			t.Errorf("it took %v after all was silent", took)
		}
		r.LookupTXT(t.Context(), "c.example")
		if told, over := <-log, <-log; !strings.Contains(told, "DNS does not answer") || !strings.Contains(over, "DNS answers again") || len(log) > 0 {
			t.Errorf("%s%s", told, over)
		}
	})
}

// logLines are those of a log.
type logLines chan string

func (l logLines) Write(p []byte) (int, error) {
	l <- string(p)
	return len(p), nil
}

// silentDNS has no answer about MX.
type silentDNS struct{ zone }

func (silentDNS) LookupMX(ctx context.Context, _ string) ([]*net.MX, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// TestResolverRoom holds that the answers that are kept are bounded.
func TestResolverRoom(t *testing.T) {
	r := NewResolver(zone{}, "")
	for i := range AnswersMax + 100 {
		if _, mine := r.take(question{"TXT", fmt.Sprint(i)}); !mine {
			t.Fatalf("%d was known", i)
		}
	}
	if len(r.answers) > AnswersMax {
		t.Errorf("%d answers are kept", len(r.answers))
	}
}

// hugeDNS answers with many records, and counts.
type hugeDNS struct {
	zone
	records, asked int
}

func (d *hugeDNS) LookupTXT(context.Context, string) ([]string, error) {
	d.asked++
	return make([]string, d.records), nil
}

func (d *hugeDNS) LookupMX(context.Context, string) ([]*net.MX, error) {
	d.asked++
	return slices.Repeat([]*net.MX{{Host: strings.Repeat("a.", 100)}}, d.records/5), nil
}

func (d *hugeDNS) LookupNetIP(context.Context, string, string) ([]netip.Addr, error) {
	d.asked++
	return make([]netip.Addr, d.records), nil
}

// TestHugeAnswersAreNotKept: whoever has a domain chooses what DNS answers about it, and
// ten thousand answers are kept.
func TestHugeAnswersAreNotKept(t *testing.T) {
	for kind, ask := range map[string]func(r *Resolver){
		"TXT": func(r *Resolver) { r.LookupTXT(t.Context(), "a.example") },
		"MX":  func(r *Resolver) { r.LookupMX(t.Context(), "a.example") },
		"A":   func(r *Resolver) { r.LookupNetIP(t.Context(), "ip", "a.example") },
	} {
		for records, want := range map[int]int{20: 1, 4000: 2} {
			d := &hugeDNS{records: records}
			r := NewResolver(d, "")
			ask(r)
			if ask(r); d.asked != want {
				t.Errorf("%s with %d records: asked %d times, want %d", kind, records, d.asked, want)
			}
		}
	}
}
