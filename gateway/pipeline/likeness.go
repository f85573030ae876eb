package pipeline

import (
	"bufio"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"io"
	"strings"
	"sync"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/roster"
)

// likenessBodyMax is how many octets of a body are compared.
const likenessBodyMax = 256 << 10

// wayFields are what hosts on the way of a message add to it, in lower case.
var wayFields = map[string]bool{
	"received": true, "return-path": true, "delivered-to": true, "x-original-to": true, "envelope-to": true,
	"authentication-results": true, "received-spf": true,
	"arc-seal": true, "arc-message-signature": true, "arc-authentication-results": true,
}

// newLikeness is what a post will be known by, whichever way it comes again: a
// key that nobody else has, and the digest under it.
func newLikeness(draft *gateway.Draft) (l roster.Likeness, err error) {
	rand.Read(l.Key[:])
	l.Digest, err = digestOf(draft, l.Key)
	return l, err
}

// digestOf tells messages apart by the fields of their authors, the first octets
// of the body and its length.
func digestOf(draft *gateway.Draft, key [16]byte) (digest [16]byte, err error) {
	body := draft.Body()
	r, err := body.Open()
	if err != nil {
		return digest, err
	}
	defer r.Close()
	d, err := newDigester(key)
	if err != nil {
		return digest, err
	}
	w := digestBuffers.Get().(*bufio.Writer)
	defer digestBuffers.Put(w)
	w.Reset(d)
	for _, field := range draft.Header {
		if !wayFields[strings.ToLower(field.Name())] {
			w.WriteString(string(field)) // a digester does not fail
		}
	}
	if _, err := w.ReadFrom(io.LimitReader(r, likenessBodyMax)); err != nil {
		return digest, err
	}
	w.Write(binary.LittleEndian.AppendUint64(nil, uint64(body.Size())))
	w.Flush()
	return d.digest, nil
}

// digestBuffers collect what a digester is given: it depends on how octets are
// divided into writes.
var digestBuffers = sync.Pool{New: func() any { return bufio.NewWriterSize(nil, 16<<10) }}

// digester takes in each write by the GMAC (NIST SP 800-38D, section 3) of it and of the
// digest before, several times faster than SHA-256. Under one nonce a GMAC is no
// signature, but a polynomial hash: who neither knows the key nor sees a digest has
// a chance of one in 2^100 to make two messages alike. Both stay in the state.
type digester struct {
	gmac   cipher.AEAD
	digest [16]byte
	nonce  [12]byte
	sealed [32]byte
}

func newDigester(key [16]byte) (*digester, error) {
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, err
	}
	gmac, err := cipher.NewGCM(block)
	return &digester{gmac: gmac}, err
}

func (d *digester) Write(p []byte) (int, error) {
	d.gmac.Seal(d.sealed[:0], d.nonce[:], d.digest[:], p)
	copy(d.digest[:], d.sealed[len(d.digest):])
	return len(p), nil
}
