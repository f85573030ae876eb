// Package authres checks whether a message comes from whom it claims to come from,
// and signs what goes out.
//
// Verifier verifies DKIM signatures (RFC 6376, RFC 8301, RFC 8463), checks SPF (RFC
// 7208) if the client is known, evaluates DMARC (RFC 9989), and verifies ARC sets (RFC
// 8617). The mathematics of DKIM is go-msgauth's; this package keeps hostile messages
// away from the parts of it that take quadratic time or memory, and hostile names away
// from DNS. If content exceeds a limit, or a name server does not answer, the result
// says so: it is never an error, and never by itself a reason to refuse or defer mail.
//
// Format writes the results as an Authentication-Results field in the strict grammar
// of RFC 8601, and IsForged recognises fields from outside that claim to be ours.
// Signer makes DKIM signatures and ARC sets. Resolver asks DNS, for this package and
// for modules.
package authres

import (
	"context"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/emersion/go-msgauth/dkim"

	"github.com/mmgw/mmgw/gateway"
)

// Limits of the work on one message, each with its reason.
const (
	// SignaturesMax bounds the signatures that are verified, and so the
	// questions to DNS. Honest messages have up to four.
	SignaturesMax = 8
	// HashedBytesMax bounds the octets that are hashed: a large message gets
	// fewer of its signatures verified, but always one.
	HashedBytesMax = 64 << 20
	// SignatureBytesMax bounds one signature field. The largest honest ones
	// have some 4 KiB: a long h= and a 4096-bit b=.
	SignatureBytesMax = 16 << 10
	// SignedNamesMax bounds the names in h=: each is looked for among all fields.
	SignedNamesMax = 200
	// BlankBytesMax bounds the spaces and line ends in a row within a body:
	// canonicalisation holds them back, and looks at them again and again.
	BlankBytesMax = 32 << 10
	// KeyBytesMax bounds a key record: a 4096-bit key has some 750 octets,
	// and whoever signs also chooses how slow the key is.
	KeyBytesMax = 2 << 10
	// LookupTimeout bounds the questions to DNS of each method for one message.
	LookupTimeout = 10 * time.Second
	// clockSkewMax is how far ahead of ours a signer's clock may be.
	clockSkewMax = 24 * time.Hour
)

// The results of RFC 8601, section 2.7.1, that are used.
const (
	None      = "none"      // there is no signature
	Pass      = "pass"      // it verifies
	Fail      = "fail"      // it does not verify
	Policy    = "policy"    // it is not accepted, whether or not it verifies
	TempError = "temperror" // DNS did not answer, or the message could not be read
	PermError = "permerror" // the signature or its key is malformed or absent
)

// Verifier authenticates messages. Its zero value asks the system's DNS. It is safe
// for concurrent use.
type Verifier struct {
	DNS DNS // nil: the system's

	Timeout time.Duration // of the questions to DNS of each method for one message; 0: LookupTimeout
	Log     *slog.Logger  // nil: nothing is logged
}

// Check authenticates m, with the given header. Its content must be complete, and is
// read more than once if it has signatures. Check leaves DMARC out, and so asks DNS
// nothing, if there is no signature and the client is unknown: Policy completes the
// results for those who need it.
func (v *Verifier) Check(ctx context.Context, m *gateway.Message, header gateway.Header) (r gateway.AuthResults) {
	from := m.Envelope.ReversePath
	signed := header.Find(signatureName, 0) >= 0
	var parts sync.WaitGroup
	if m.Client.Addr.IsValid() {
		parts.Go(func() { r.SPF = v.checkSPF(ctx, m.Client, from) })
	}
	if r.ARC = readChain(header).result; r.ARC == "" {
		parts.Go(func() { r.ARC = v.checkARC(ctx, m.Content, header).result })
	}
	if signed {
		r.DKIM = v.Verify(ctx, m.Content).DKIM
	}
	parts.Wait()
	if signed || r.SPF != "" {
		r.DMARC = v.checkDMARC(ctx, header, r.SPF, spfDomain(m.Client, from), r.DKIM)
	}
	return r
}

// Policy completes results with those of DMARC for the author's domain of header, if
// Check has left them out.
func (v *Verifier) Policy(ctx context.Context, header gateway.Header, r gateway.AuthResults) gateway.AuthResults {
	if r.DMARC == (gateway.DMARCResult{}) {
		r.DMARC = v.checkDMARC(ctx, header, r.SPF, "", r.DKIM)
	}
	return r
}

// timeout bounds the questions to DNS of one method for one message.
func (v *Verifier) timeout() time.Duration {
	if v.Timeout > 0 {
		return v.Timeout
	}
	return LookupTimeout
}

// Verify checks the DKIM signatures of content, which must be complete. The results
// are in the order of the signatures in the header; without a signature there are
// none. SPF, DMARC and ARC are left empty.
func (v *Verifier) Verify(ctx context.Context, content gateway.Content) gateway.AuthResults {
	draft, err := gateway.OpenDraft(content)
	if status := gateway.AsStatus(err); status.Class() == gateway.Permanent {
		return results([]*signature{refused(Policy, status.Text)})
	} else if err != nil {
		return results([]*signature{v.unreadable(err)})
	}
	signatures := screen(draft.Header, content.Size(), time.Now())
	keys := v.fetch(ctx, signatures)
	if err := verify(ctx, draft, signatures, keys); err != nil {
		unreadable := v.unreadable(err)
		for _, s := range undecided(signatures) {
			s.settle(unreadable.result.Result, unreadable.result.Reason)
		}
	}
	return results(signatures)
}

// unreadable is the result if the content could not be read to its end. That is our
// fault, not the message's, and delivery will meet it too.
func (v *Verifier) unreadable(err error) *signature {
	v.log().Warn("authentication: the message could not be read", "error", gateway.Printable(err.Error()))
	return refused(TempError, "the message could not be read")
}

// log never returns nil.
func (v *Verifier) log() *slog.Logger {
	if v.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return v.Log
}

// dns never returns nil.
func (v *Verifier) dns() DNS {
	if v.DNS == nil {
		return net.DefaultResolver
	}
	return v.DNS
}

// results are the results of the signatures.
func results(signatures []*signature) (r gateway.AuthResults) {
	for _, s := range signatures {
		r.DKIM = append(r.DKIM, s.result)
	}
	return r
}

// verify settles the signatures that have passed all checks so far. The library
// cannot be told to skip the others, so it gets the message without them. The error is
// one of reading.
func verify(ctx context.Context, draft *gateway.Draft, signatures []*signature, keys keyring) error {
	open := undecided(signatures)
	if len(open) == 0 {
		return nil
	}
	shown := draft.Clone()
	shown.Header = withoutSettled(draft.Header, open)
	r, err := shown.Content().Open()
	if err != nil {
		return err
	}
	defer r.Close()
	guarded := &guard{ctx: ctx, from: r}
	found, err := dkim.VerifyWithOptions(guarded, &dkim.VerifyOptions{
		LookupTXT:        keys.lookup,
		MaxVerifications: SignaturesMax,
	})
	switch {
	case guarded.err != nil:
		return guarded.err
	case guarded.blank:
		for _, s := range open {
			s.settle(Policy, "too much blank space in a row")
		}
		return nil
	case err != nil || len(found) != len(open):
		for _, s := range open {
			s.settle(PermError, "the header cannot be read as RFC 6376 requires")
		}
		return nil
	}
	for i, s := range open {
		s.conclude(found[i], keys)
	}
	return nil
}

// withoutSettled drops the signatures that are not open, and lines that are not
// fields.
func withoutSettled(header gateway.Header, open []*signature) gateway.Header {
	keep := map[int]bool{}
	for _, s := range open {
		keep[s.index] = true
	}
	var shown gateway.Header
	for i, field := range header {
		if field.Name() != "" && (keep[i] || !field.Is(signatureName)) {
			shown = append(shown, field)
		}
	}
	return shown
}
