package authres

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/mmgw/mmgw/gateway"
)

// DNS answers questions. Names end with a dot, so that no search list applies. A
// *net.DNSError with IsNotFound says that there is no such record; any other error is
// temporary. Callers must not change what they get: others may get it too.
// *net.Resolver is one.
type DNS interface {
	LookupTXT(ctx context.Context, name string) ([]string, error)
	LookupMX(ctx context.Context, name string) ([]*net.MX, error)
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
	LookupAddr(ctx context.Context, address string) ([]string, error)
}

// Limits of a Resolver.
const (
	// QuestionTimeout bounds one question. A name server that answers at all does so
	// within two seconds, mostly at the first try.
	QuestionTimeout = 5 * time.Second
	// DNS counts as silent, which is logged, when at least SilentQuestions questions
	// in a row had no answer, and there was none for SilentFor. Until it answers
	// again a question waits at most SilentTimeout: the answers are missing anyway,
	// and mail should not be slow as well.
	SilentFor       = 10 * time.Second
	SilentQuestions = 20
	SilentTimeout   = time.Second
	// QuestionsMax bounds the questions that are asked at the same time; more wait. One
	// module whose servers do not answer can have 256 in progress: its 64 instances go
	// on to the next question before the last has ended.
	QuestionsMax = 500
	// FoundFor and MissingFor are how long an answer is kept. Its time to live is
	// unknown here: keys and policies are made to change over hours, but one that was
	// just published is wanted soon.
	FoundFor, MissingFor = 5 * time.Minute, time.Minute
	// FailedFor is how long a name whose servers failed is not asked for again.
	FailedFor = 5 * time.Second
	// AnswersMax bounds the answers that are kept, most of which have some hundred
	// octets.
	AnswersMax = 10_000
	// AnswerBytesMax bounds the memory of an answer that is kept.
	AnswerBytesMax = 4 << 10
)

// Resolver asks DNS for the whole gateway. It keeps answers for a while, asks a
// question only once if several callers have it at the same time, and bounds the time
// of each. It is safe for concurrent use.
type Resolver struct {
	Log *slog.Logger // nil: none

	dns     DNS
	running chan struct{}

	mu      sync.Mutex
	answers map[question]*answer
	heard   time.Time // when the last answer came
	failed  int       // questions without an answer since then
	silent  bool
}

// question is a question to DNS.
type question struct{ kind, name string }

// answer is the answer to a question, once done is closed.
type answer struct {
	done  chan struct{}
	value any
	err   error
	until time.Time // zero: it is still being asked
}

// NewResolver makes a Resolver that asks dns. If that is nil it asks the name server
// at "host:port", or the system's if server is "".
func NewResolver(dns DNS, server string) *Resolver {
	if dns == nil && server == "" {
		dns = net.DefaultResolver
	} else if dns == nil {
		dns = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, server)
		}}
	}
	return &Resolver{dns: dns, running: make(chan struct{}, QuestionsMax), answers: map[question]*answer{}, heard: time.Now()}
}

// LookupTXT implements DNS.
func (r *Resolver) LookupTXT(ctx context.Context, name string) ([]string, error) {
	return resolve(ctx, r, "TXT", name, r.dns.LookupTXT)
}

// LookupMX implements DNS.
func (r *Resolver) LookupMX(ctx context.Context, name string) ([]*net.MX, error) {
	return resolve(ctx, r, "MX", name, r.dns.LookupMX)
}

// LookupNetIP implements DNS.
func (r *Resolver) LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error) {
	return resolve(ctx, r, network, host, func(ctx context.Context, name string) ([]netip.Addr, error) {
		return r.dns.LookupNetIP(ctx, network, name)
	})
}

// LookupAddr implements DNS.
func (r *Resolver) LookupAddr(ctx context.Context, address string) ([]string, error) {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return nil, notFound(address)
	}
	return resolve(ctx, r, "PTR", address, func(ctx context.Context, _ string) ([]string, error) {
		return r.dns.LookupAddr(ctx, ip.WithZone("").String())
	})
}

func notFound(name string) error {
	return &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
}

// isNotFound says whether the answer of DNS was that there is no such record.
func isNotFound(err error) bool {
	dns, ok := errors.AsType[*net.DNSError](err)
	return ok && dns.IsNotFound
}

// resolve answers a question with a kept answer, or by calling ask.
func resolve[T any](ctx context.Context, r *Resolver, kind, name string, ask func(context.Context, string) (T, error)) (T, error) {
	var none T
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	if kind != "PTR" && !isAskable(name) {
		return none, notFound(name)
	}
	a, mine := r.take(question{kind, name})
	if mine {
		// Others may wait for the answer too, so it does not end with the first caller.
		go func() {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.timeout())
			defer cancel()
			r.running <- struct{}{}
			defer func() { <-r.running }()
			value, err := ask(ctx, name+".")
			r.give(a, question{kind, name}, value, err)
		}()
	}
	select {
	case <-a.done:
	case <-ctx.Done():
		return none, failed(name, ctx.Err())
	}
	value, _ := a.value.(T)
	return value, a.err
}

// failed is a temporary error, in the form that users of *net.DNSError understand.
func failed(name string, err error) error {
	return &net.DNSError{Err: err.Error(), Name: name, IsTemporary: true, IsTimeout: errors.Is(err, context.DeadlineExceeded)}
}

// isAskable says whether a name can exist in DNS (RFC 1035, section 2.3.4).
func isAskable(name string) bool {
	if len(name) > dnsNameBytesMax {
		return false
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 || strings.ContainsFunc(label, func(r rune) bool { return r < ' ' || r > '~' }) {
			return false
		}
	}
	return true
}

// take returns the answer to q that is kept or being asked for. If there is none it
// returns a new one, which is the caller's to give.
func (r *Resolver) take(q question) (a *answer, mine bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	if a := r.answers[q]; a != nil && (a.until.IsZero() || now.Before(a.until)) {
		return a, false
	}
	if len(r.answers) >= AnswersMax {
		r.makeRoom(now)
	}
	a = &answer{done: make(chan struct{})}
	r.answers[q] = a
	return a, true
}

// makeRoom drops the answers that are too old, and if those are few half of all.
func (r *Resolver) makeRoom(now time.Time) {
	for q, a := range r.answers {
		if !a.until.IsZero() && !now.Before(a.until) {
			delete(r.answers, q)
		}
	}
	for q := range r.answers {
		if len(r.answers) < AnswersMax/2 {
			return
		}
		delete(r.answers, q)
	}
}

// give completes an answer.
func (r *Resolver) give(a *answer, q question, value any, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	a.value, a.until = value, time.Now().Add(FoundFor)
	switch {
	case isNotFound(err):
		a.err, a.until = notFound(q.name), time.Now().Add(MissingFor)
		r.note(nil)
	case err != nil:
		a.err, a.until = failed(q.name, err), time.Now().Add(FailedFor)
		r.note(err)
	default:
		r.note(nil)
	}
	close(a.done)
	if bytesOf(value) > AnswerBytesMax && r.answers[q] == a {
		delete(r.answers, q)
	}
}

// bytesOf is the memory that an answer takes. Compressed, thousands of records with names
// of 255 octets are one answer of 64 KiB.
func bytesOf(value any) (octets int) {
	const header = 32 // of a record, with what points to it
	switch records := value.(type) {
	case []string:
		for _, text := range records {
			octets += header + len(text)
		}
	case []*net.MX:
		for _, mx := range records {
			octets += header + len(mx.Host)
		}
	case []netip.Addr:
		octets = header * len(records)
	}
	return octets
}

// note counts the end of a question, and logs when DNS falls silent or answers again.
// The caller holds r.mu.
func (r *Resolver) note(err error) {
	if r.failed++; err == nil {
		r.failed, r.heard = 0, time.Now()
	}
	was := r.silent
	r.silent = r.failed >= SilentQuestions && time.Since(r.heard) >= SilentFor
	switch {
	case r.silent == was || r.Log == nil:
	case was:
		r.Log.Info("DNS answers again")
	default:
		r.Log.Error("DNS does not answer, senders of mail cannot be authenticated", "questions", r.failed, "error", gateway.Printable(err.Error()))
	}
}

func (r *Resolver) timeout() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.silent {
		return SilentTimeout
	}
	return QuestionTimeout
}
