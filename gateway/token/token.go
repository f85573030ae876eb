// Package token makes and reads signed tokens. Whoever holds one may do one thing for one
// address and one list: leave it by one click (RFC 8058), or confirm a subscription. The
// package owns the form of tokens and their signature.
//
// A token consists of lower-case letters and digits, so that it can be in a local part
// and in a URL; case is ignored when it is read. Nobody can make one without the secret:
// it has 88 bits of HMAC-SHA-256 (RFC 2104). There are two forms:
//
//	short   24 characters: when it expires, and the signature. Whoever checks
//	        it must know what it is for, since a local part of 64 octets has no
//	        room for that.
//	whole   a short token, followed by the list and the address.
package token

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"errors"
	"strings"
	"time"

	"github.com/mmgw/mmgw/gateway"
)

// Lengths of the parts of a token.
const (
	expiryBytes = 4  // minutes since 1970, big-endian; zero: never
	macBytes    = 11 // with expiryBytes a multiple of five, which base32 needs no padding for
	headBytes   = expiryBytes + macBytes
	// ShortChars is the length of a short token. With "-confirm+" before it, a local
	// part has 31 octets left for the name of the list.
	ShortChars = headBytes * 8 / 5
	// CharsMax bounds a whole token. It has room for a list's ID and a path of the
	// greatest length of RFC 5321, section 4.5.3.1.
	CharsMax = (headBytes + 2*gateway.PathBytesMax + 1 + 4) * 8 / 5
)

// Errors of Read and Check.
var (
	ErrForged  = errors.New("not a token of ours")
	ErrExpired = errors.New("the token has expired")
)

// Claim is what a token allows.
type Claim struct {
	Purpose string // what may be done, such as "leave": a token is good for one purpose only
	List    gateway.ListID
	Member  gateway.ForwardPath
	Expires time.Time // exact to the minute; zero: never
}

// Codec makes and reads tokens. The first secret signs; tokens of all are valid. It is
// safe for concurrent use.
type Codec struct {
	Secrets [][]byte // of at least 32 octets each, random
}

var encoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// Short returns the short token of c.
func (k *Codec) Short(c Claim) string { return encoding.EncodeToString(k.head(c)) }

// Whole returns the whole token of c.
func (k *Codec) Whole(c Claim) string {
	return encoding.EncodeToString(append(k.head(c), string(c.List)+"\x00"+string(c.Member)...))
}

// Check checks a short token of c, and returns when it expires; c.Expires is ignored. The
// error is ErrForged or ErrExpired.
func (k *Codec) Check(c Claim, short string, now time.Time) (time.Time, error) {
	head, err := decode(short)
	if err != nil || len(head) != headBytes {
		return time.Time{}, ErrForged
	}
	c.Expires = time.Time{}
	if minutes := binary.BigEndian.Uint32(head); minutes != 0 {
		c.Expires = time.Unix(int64(minutes)*60, 0)
	}
	if !k.signed(c, head[expiryBytes:]) {
		return time.Time{}, ErrForged
	}
	if !c.Expires.IsZero() && now.After(c.Expires) {
		return c.Expires, ErrExpired
	}
	return c.Expires, nil
}

// Read returns the Claim of a whole token that was made for purpose. The error is
// ErrForged, or with the Claim ErrExpired.
func (k *Codec) Read(purpose, whole string, now time.Time) (Claim, error) {
	if len(whole) < ShortChars || len(whole) > CharsMax {
		return Claim{}, ErrForged
	}
	text, err := decode(whole[ShortChars:])
	list, member, ok := strings.Cut(string(text), "\x00")
	if err != nil || !ok {
		return Claim{}, ErrForged
	}
	c := Claim{Purpose: purpose, List: gateway.ListID(list), Member: gateway.ForwardPath(member)}
	c.Expires, err = k.Check(c, whole[:ShortChars], now)
	if errors.Is(err, ErrForged) {
		return Claim{}, err
	}
	return c, err
}

// decode reads what Codec writes, in any case of letters. The decoder of base32 would
// accept more: line ends, a surplus character, and unused bits.
func decode(text string) ([]byte, error) {
	text = strings.ToLower(text)
	octets, err := encoding.DecodeString(text)
	if err != nil || encoding.EncodeToString(octets) != text {
		return nil, ErrForged
	}
	return octets, nil
}

// head is a short token of c before its encoding: the expiry, and the signature with the
// first secret.
func (k *Codec) head(c Claim) []byte {
	head := binary.BigEndian.AppendUint32(nil, minutes(c.Expires))
	return append(head, sign(k.Secrets[0], c)...)
}

// signed says whether one of the secrets made mac.
func (k *Codec) signed(c Claim, mac []byte) bool {
	for _, secret := range k.Secrets {
		if hmac.Equal(sign(secret, c), mac) {
			return true
		}
	}
	return false
}

// sign signs every part of c, with the member's address in any case. The first word
// keeps these signatures apart from others that are made with the same secret.
func sign(secret []byte, c Claim) []byte {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte("token\x00" + c.Purpose + "\x00" + string(c.List) + "\x00" + c.Member.Key() + "\x00"))
	mac.Write(binary.BigEndian.AppendUint32(nil, minutes(c.Expires)))
	return mac.Sum(nil)[:macBytes]
}

func minutes(t time.Time) uint32 {
	if t.IsZero() {
		return 0
	}
	return uint32(t.Unix() / 60)
}
