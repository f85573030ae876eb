package pipeline

import (
	"crypto/sha256"
	"sync"
	"time"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/authres"
)

// signs says for which domain a copy is signed, and how: posts for the domain
// that their bounces go to, which is the list's, mail of our own for its
// author's. Mail for the owners of a list is not ours to sign, and sealed.
// What goes to a backend stays as it is.
func (c *copies) signs(d *gateway.Delivery, header gateway.Header) (domain string, sign, seal bool) {
	switch c.leg.Service {
	case gateway.Post:
		return d.ReversePath.Domain(), true, true
	case gateway.Relay:
		if len(c.m.Envelope.Recipients) == 0 { // of the Outbox
			return authorOf(header).Domain(), true, false
		}
		return "", false, false
	case gateway.Forward:
		return "", false, false
	}
	return d.ReversePath.Domain(), false, true
}

// signed puts our signatures and our seal in front of a copy, after all edits:
// what they cover must not change any more.
func (c *copies) signed(d *gateway.Delivery, draft *gateway.Draft, ownBody bool) error {
	domain, sign, seal := c.signs(d, draft.Header)
	seal = seal && c.Signer.ARC
	if domain == "" || !sign && !seal || len(c.Signer.For(domain)) == 0 {
		return nil
	}
	sign1 := func() ([]gateway.Field, error) {
		hash, err := c.bodyHash(draft, ownBody)
		if err != nil {
			return nil, err
		}
		return c.Signer.Fields(draft.Header, hash, authres.Signing{Domain: domain, Sign: sign, Seal: seal, Now: time.Now()})
	}
	var fields []gateway.Field
	var err error
	if ownBody {
		fields, err = sign1()
	} else {
		fields, err = c.signatures.get(signedKey(domain, draft.Header), sign1)
	}
	draft.Header = append(fields[:len(fields):len(fields)], draft.Header...)
	return err
}

// signedKey is equal for copies with the same body that have the same
// signatures.
func signedKey(domain string, header gateway.Header) (key [sha256.Size]byte) {
	h := sha256.New()
	h.Write([]byte(domain + "\n"))
	for _, field := range authres.SignedHeader(header) {
		h.Write([]byte(field))
	}
	h.Sum(key[:0])
	return key
}

// bodyHash is the hash of a copy's body: once a leg, whose body does not change once
// it is expanded, unless the copy has its own.
func (c *copies) bodyHash(draft *gateway.Draft, own bool) ([]byte, error) {
	if own {
		return authres.BodyHash(draft.Body())
	}
	return c.bodies.get(legID{c.m.ID, c.b.Leg}, func() ([]byte, error) { return authres.BodyHash(draft.Body()) })
}

// memo makes each value once, and keeps a bounded number of them. Its zero
// value is ready; it is safe for concurrent use.
type memo[K comparable, V any] struct {
	mu    sync.Mutex
	known map[K]*memoized[V]
}

type memoized[V any] struct {
	mu    sync.Mutex
	made  bool
	value V
}

// memoMax bounds a memo: more posts than can be in delivery at a time. Where
// each copy of a batch differs none is found again, and none is missed.
const memoMax = 1000

// get returns the value of key, and makes it where nobody has. Others who ask
// for it meanwhile wait; an error is nobody else's.
func (m *memo[K, V]) get(key K, value func() (V, error)) (V, error) {
	m.mu.Lock()
	if m.known == nil || len(m.known) >= memoMax {
		m.known = map[K]*memoized[V]{}
	}
	of := m.known[key]
	if of == nil {
		of = &memoized[V]{}
		m.known[key] = of
	}
	m.mu.Unlock()
	of.mu.Lock()
	defer of.mu.Unlock()
	if of.made {
		return of.value, nil
	}
	v, err := value()
	of.value, of.made = v, err == nil
	return v, err
}
