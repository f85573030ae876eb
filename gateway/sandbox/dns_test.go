package sandbox

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/sdk/wire"
)

// zone is a Resolver that knows some records by "TYPE name". "timeout" never
// comes, and "broken" fails; what is not there is not found.
type zone struct {
	records map[string][]string
	mu      sync.Mutex
	asked   []string
}

func (z *zone) ask(ctx context.Context, kind, name string) ([]string, error) {
	z.mu.Lock()
	z.asked = append(z.asked, kind+" "+name)
	z.mu.Unlock()
	records, ok := z.records[kind+" "+name]
	switch {
	case !ok:
		return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
	case records[0] == "timeout":
		<-ctx.Done()
		return nil, &net.DNSError{Err: "i/o timeout", Name: name, IsTimeout: true}
	case records[0] == "broken":
		return nil, errors.New("server misbehaving")
	}
	return records, nil
}

func (z *zone) LookupNetIP(ctx context.Context, network, name string) (found []netip.Addr, err error) {
	records, err := z.ask(ctx, network, name)
	for _, r := range records {
		found = append(found, netip.MustParseAddr(r))
	}
	return found, err
}

func (z *zone) LookupTXT(ctx context.Context, name string) ([]string, error) {
	return z.ask(ctx, "txt", name)
}

func (z *zone) LookupMX(ctx context.Context, name string) (found []*net.MX, err error) {
	records, err := z.ask(ctx, "mx", name)
	for i, r := range records {
		found = append(found, &net.MX{Host: r, Pref: uint16(len(records) - i)})
	}
	return found, err
}

func (z *zone) LookupAddr(ctx context.Context, address string) ([]string, error) {
	return z.ask(ctx, "ptr", address)
}

func dnsSpec() Spec { return Spec{Name: "asker", Capabilities: []string{wire.CapDNS}} }

func TestDNS(t *testing.T) {
	z := &zone{records: map[string][]string{
		"ip4 mx.example.com.":  {"192.0.2.7", "::ffff:192.0.2.1", "192.0.2.7"},
		"ip6 mx.example.com.":  {"2001:db8::1"},
		"txt _dmarc.a_b.test.": {"v=DMARC1; p=none", "two\r\nlines"},
		"mx example.com.":      {"backup.example.com.", "mx.example.com."},
		"mx none.example.com.": {"."},
		"ptr 192.0.2.7":        {"mx.example.com."},
		"txt huge.example.":    {strings.Repeat("x", DNSAnswerBytesMax+1)},
		"txt broken.example.":  {"broken"},
	}}
	label63, name253 := strings.Repeat("a", 63), strings.Repeat("a.", 126)+"a"
	for _, test := range []struct {
		kind int
		name string
		want any // string: what was read; int: the result
	}{
		{wire.DNSA, "MX.example.com", "192.0.2.1\n192.0.2.7"},
		{wire.DNSAAAA, "mx.example.com.", "2001:db8::1"},
		{wire.DNSTXT, "_dmarc.a_b.test", "v=DMARC1; p=none\ntwo??lines"},
		{wire.DNSMX, "example.com", "1 mx.example.com\n2 backup.example.com"},
		{wire.DNSMX, "none.example.com", "1 ."},
		{wire.DNSPTR, "192.0.2.7", "mx.example.com"},
		{wire.DNSPTR, "::ffff:192.0.2.7", "mx.example.com"},
		{wire.DNSA, "none.example.com", wire.NotFound},
		{wire.DNSA, label63 + ".example", wire.NotFound},
		{wire.DNSA, name253, wire.NotFound},
		{wire.DNSTXT, "broken.example", wire.Temporary},
		{wire.DNSTXT, "huge.example", wire.Limit},
		{wire.DNSA, name253 + "a", wire.BadArgument},
		{wire.DNSA, name253 + ".aa", wire.BadArgument},
		{wire.DNSA, label63 + "a.example", wire.BadArgument},
		{wire.DNSA, "", wire.BadArgument},
		{wire.DNSA, ".", wire.BadArgument},
		{wire.DNSA, "a..example", wire.BadArgument},
		{wire.DNSA, "a b.example", wire.BadArgument},
		{wire.DNSA, "a\x00.example", wire.BadArgument},
		{wire.DNSA, "bücher.example", wire.BadArgument},
		{wire.DNSA, "192.0.2.7", wire.BadArgument},
		{wire.DNSPTR, "mx.example.com", wire.BadArgument},
		{wire.DNSPTR, "fe80::1%eth0", wire.BadArgument},
		{2, "example.com", wire.BadArgument},
		{255, "example.com", wire.BadArgument},
	} {
		out := playIn(t, Env{Resolver: z}, dnsSpec(), exchange(t, incoming), nil, do("dns", test.kind, test.name, room(99)))
		want, isText := test.want.(string)
		number, _ := test.want.(int)
		if isText {
			number = len(want)
		}
		if out.err != nil || out.results[0] != int64(number) || isText && string(out.rooms[:len(want)]) != want {
			t.Errorf("%d %s: %v, %q, %v, not %v", test.kind, test.name, out.results, out.rooms[:99], out.err, test.want)
		}
	}
}

// TestDNSAnswerIsTheResolvers: a resolver that keeps its answers gives the same
// slices to DKIM, SPF and DMARC, which must see every octet of a record.
func TestDNSAnswerIsTheResolvers(t *testing.T) {
	const record = "v=DKIM1;\tk=rsa; p=abc"
	z := &zone{records: map[string][]string{"txt k._domainkey.example.": {record}}}
	out := playIn(t, Env{Resolver: z}, dnsSpec(), exchange(t, incoming), nil, do("dns", wire.DNSTXT, "k._domainkey.example", room(99)))
	if out.err != nil || out.results[0] != int64(len(record)) {
		t.Fatalf("%v, %v", out.results, out.err)
	}
	if kept := z.records["txt k._domainkey.example."][0]; kept != record {
		t.Errorf("the record of the resolver became %q", kept)
	}
}

// TestDNSIsAskedOnce holds that a second look with more room, and a question
// that was just answered, ask nobody.
func TestDNSIsAskedOnce(t *testing.T) {
	z := &zone{records: map[string][]string{"txt a.example.": {"text"}, "txt b.example.": {"broken"}}}
	out := playIn(t, Env{Resolver: z}, dnsSpec(), exchange(t, incoming), nil,
		do("dns", wire.DNSTXT, "a.example", span{0, 0}), do("dns", wire.DNSTXT, "A.example.", room(9)), do("dns", wire.DNSTXT, "b.example", room(9)),
		do("dns", wire.DNSTXT, "c.example", room(9)), do("dns", wire.DNSTXT, "b.example", room(9)), do("dns", wire.DNSTXT, "c.example", room(9)), do("dns", wire.DNSTXT, "a.example", room(9)))
	want := []int64{4, 4, wire.Temporary, wire.NotFound, wire.Temporary, wire.NotFound, 4}
	if out.err != nil || !reflect.DeepEqual(out.results, want) {
		t.Errorf("%v, %v, not %v", out.results, out.err, want)
	}
	if want := []string{"txt a.example.", "txt b.example.", "txt c.example."}; !reflect.DeepEqual(z.asked, want) {
		t.Errorf("asked %q", z.asked)
	}
}

func TestDNSQuestionsAreFew(t *testing.T) {
	steps := []step{}
	for i := range DNSQuestionsMax + 1 {
		steps = append(steps, do("dns", wire.DNSA, fmt.Sprintf("n%d.example", i), room(9)))
	}
	steps = append(steps, do("dns", wire.DNSA, "n0.example", room(9)))
	z := &zone{}
	out := playIn(t, Env{Resolver: z}, dnsSpec(), exchange(t, incoming), nil, steps...)
	n := len(out.results)
	if out.err != nil || len(z.asked) != DNSQuestionsMax || out.results[n-2] != wire.Limit || out.results[n-1] != wire.NotFound {
		t.Errorf("%d questions, %v, %v", len(z.asked), out.results, out.err)
	}
}

// TestDNSThatDoesNotAnswer holds that a call goes on without the DNS in good
// time, and that the next one does not wait for the same name.
func TestDNSThatDoesNotAnswer(t *testing.T) {
	z := &zone{records: map[string][]string{"txt a.example.": {"timeout"}, "txt b.example.": {"timeout"}, "txt c.example.": {"timeout"}}}
	var steps []step
	for _, name := range []string{"a", "b", "c"} {
		steps = append(steps, do("dns", wire.DNSTXT, name+".example", room(9)))
	}
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		out := playIn(t, Env{Resolver: z}, dnsSpec(), exchange(t, incoming), nil, steps...)
		if want := []int64{wire.Temporary, wire.Temporary, wire.Temporary}; out.err != nil || !reflect.DeepEqual(out.results, want) {
			t.Errorf("%v, %v", out.results, out.err)
		}
		if waited := time.Since(start); waited != TimeoutDefault/2 || len(z.asked) != 2 {
			t.Errorf("waited %s for %q", waited, z.asked)
		}
	})
}

func TestDNSCache(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var cache dnsCache
		for result, lifetime := range map[int64]time.Duration{0: dnsFoundTTL, wire.NotFound: dnsNoneTTL, wire.Temporary: dnsFailedTTL} {
			q := question{wire.DNSA, fmt.Sprint(result)}
			cache.keep(q, answer{result: result})
			time.Sleep(lifetime - 1)
			if _, ok := cache.recall(q); !ok {
				t.Errorf("%d is forgotten too soon", result)
			}
			time.Sleep(1)
			if _, ok := cache.recall(q); ok {
				t.Errorf("%d is believed too long", result)
			}
		}
		for i := range 2 * dnsAnswersKept {
			cache.keep(question{wire.DNSA, fmt.Sprint(i)}, answer{})
		}
		if n := len(cache.known); n != dnsAnswersKept {
			t.Errorf("%d answers are kept", n)
		}
	})
}

func TestDNSWithoutResolver(t *testing.T) {
	if out := play(t, dnsSpec(), exchange(t, incoming), nil, do("dns", wire.DNSA, "a.example", room(9))); out.results[0] != wire.Temporary {
		t.Errorf("%v, %v", out.results, out.err)
	}
	if out := play(t, dnsSpec(), nil, nil, do("dns", wire.DNSA, "a.example", room(9))); out.results[0] != wire.WrongPhase {
		t.Errorf("in a writer: %v, %v", out.results, out.err)
	}
}

func TestInstancesThatWait(t *testing.T) {
	for _, test := range []struct {
		spec Spec
		want int
	}{
		{Spec{}, runtime.GOMAXPROCS(0)},
		{dnsSpec(), InstancesWaiting},
		{Spec{Capabilities: []string{wire.CapDNS}, Instances: 3}, 3},
	} {
		if got, err := test.spec.normal(); err != nil || got.Instances != test.want {
			t.Errorf("%v: %d instances, %v", test.spec.Capabilities, got.Instances, err)
		}
	}
}

// TestWaitingDelaysNobody: while all but one of a plugin's instances wait for a
// name server that is silent, a call that need not wait takes no time. With one
// instance it does, which is the control.
func TestWaitingDelaysNobody(t *testing.T) {
	for _, test := range []struct{ instances, waiting int }{{0, InstancesWaiting - 1}, {1, 1}} {
		synctest.Test(t, func(t *testing.T) {
			z := &zone{records: map[string][]string{"txt quick.example.": {"yes"}, "txt slow.example.": {"timeout"}}}
			for i := range test.waiting {
				z.records[fmt.Sprintf("txt slow%d.example.", i)] = []string{"timeout"}
			}
			spec := dnsSpec()
			spec.Wasm, spec.Instances = testdata(t, "ask"), test.instances
			h, err := New(Env{Resolver: z})
			if err != nil {
				t.Fatal(err)
			}
			defer h.Close(context.Background())
			p, err := h.Load(t.Context(), spec)
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			var all sync.WaitGroup
			ask := func(name string) {
				x := exchange(t, incoming)
				x.Draft.Header[3] = "Subject: " + gateway.Field(name) + "\r\n"
				if _, err := p.Handle(t.Context(), x); err != nil {
					t.Error(err)
				}
			}
			start := time.Now()
			for i := range test.waiting {
				all.Go(func() { ask(fmt.Sprintf("slow%d.example", i)) })
			}
			synctest.Wait()
			ask("quick.example")
			if waited := time.Since(start); (waited > 0) != (test.instances == 1) {
				t.Errorf("%d instances, %d calls that wait: one that need not waited %s", test.instances, test.waiting, waited)
			}
			all.Wait()
			if waited := time.Since(start); waited < dnsQuestionMax {
				t.Errorf("those that wait for a name server waited %s", waited)
			}
		})
	}
}
