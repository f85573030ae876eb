package authres

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"strings"
)

// Sizes of an RSA key that signs, in bits. RFC 8301, section 3.2: at least
// 2048 should be used, and verifiers need not take more than 4096.
const (
	RSABitsMin = 2048
	RSABitsMax = 4096
)

// PrivateKeyBytesMax bounds the file of a private key: one of 4096 bits has
// some 3,300 octets as PEM.
const PrivateKeyBytesMax = 16 << 10

// Types of keys, as k= of a key record names them (RFC 6376, RFC 8463).
const (
	RSA     = "rsa"
	Ed25519 = "ed25519"
)

// PrivateKey is a key that DKIM can sign with.
type PrivateKey struct{ signer crypto.Signer }

// NewPrivateKey makes a random key. One of RSA has 2048 bits, whose record every DNS
// server accepts.
func NewPrivateKey(kind string) (PrivateKey, error) {
	switch kind {
	case RSA:
		key, err := rsa.GenerateKey(rand.Reader, RSABitsMin)
		return PrivateKey{key}, err
	case Ed25519:
		_, key, err := ed25519.GenerateKey(rand.Reader)
		return PrivateKey{key}, err
	}
	return PrivateKey{}, fmt.Errorf("a key can be of the type %s or %s, not %q", RSA, Ed25519, kind)
}

// ParsePrivateKey reads a private key as PEM: "PRIVATE KEY" (PKCS #8), or "RSA
// PRIVATE KEY" (PKCS #1).
func ParsePrivateKey(text []byte) (PrivateKey, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return PrivateKey{}, errors.New("is not a PEM file")
	}
	var key any
	var err error
	switch {
	case block.Headers["DEK-Info"] != "" || block.Type == "ENCRYPTED PRIVATE KEY":
		return PrivateKey{}, errors.New("is encrypted, and nobody can enter a password for it")
	case block.Type == "RSA PRIVATE KEY":
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	case block.Type == "PRIVATE KEY":
		key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	default:
		return PrivateKey{}, fmt.Errorf("holds a %q, not a private key", block.Type)
	}
	if err != nil {
		return PrivateKey{}, errors.New("holds a private key that cannot be read")
	}
	return usable(key)
}

// usable accepts the keys that DKIM has algorithms for.
func usable(key any) (PrivateKey, error) {
	switch k := key.(type) {
	case ed25519.PrivateKey:
		return PrivateKey{k}, nil
	case *rsa.PrivateKey:
		if bits := k.N.BitLen(); bits < RSABitsMin || bits > RSABitsMax {
			return PrivateKey{}, fmt.Errorf("holds an RSA key of %d bits; receivers accept %d to %d", bits, RSABitsMin, RSABitsMax)
		}
		return PrivateKey{k}, nil
	}
	return PrivateKey{}, errors.New("holds a key that is neither RSA nor Ed25519")
}

// CheckMode says what is wrong with the mode of a private key's file. The group may
// read it, so that root can own it; others must not, and only the owner may change it.
func CheckMode(mode fs.FileMode) error {
	if mode.Perm()&0o037 != 0 {
		return fmt.Errorf("has the mode %04o: others can read or change it", mode.Perm())
	}
	return nil
}

// PEM is the key as a file that ParsePrivateKey reads.
func (k PrivateKey) PEM() ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(k.signer)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

// IsZero says whether there is no key.
func (k PrivateKey) IsZero() bool { return k.signer == nil }

// Kind is RSA or Ed25519.
func (k PrivateKey) Kind() string {
	if _, ok := k.signer.(ed25519.PrivateKey); ok {
		return Ed25519
	}
	return RSA
}

// algorithm is a= of the signatures that the key makes.
func (k PrivateKey) algorithm() string { return k.Kind() + "-sha256" }

// sign signs a SHA-256 digest (RFC 6376, section 3.3; RFC 8463, section 3).
func (k PrivateKey) sign(digest []byte) ([]byte, error) {
	if k.Kind() == Ed25519 {
		return k.signer.Sign(nil, digest, crypto.Hash(0))
	}
	return k.signer.Sign(rand.Reader, digest, crypto.SHA256)
}

// Record is the TXT record to publish for the key (RFC 6376, section 3.6.1).
func (k PrivateKey) Record() (string, error) {
	var public []byte
	switch p := k.signer.Public().(type) {
	case ed25519.PublicKey:
		public = p
	default:
		der, err := x509.MarshalPKIXPublicKey(p)
		if err != nil {
			return "", err
		}
		public = der
	}
	return "v=DKIM1; k=" + k.Kind() + "; p=" + base64.StdEncoding.EncodeToString(public), nil
}

// RecordName is the name in DNS of a key, without the final dot.
func RecordName(domain, selector string) string { return selector + "._domainkey." + domain }

// SameKey says whether two key records publish the same key, whatever else they say.
func SameKey(a, b string) bool {
	x, err := parseTags(a)
	y, err2 := parseTags(b)
	kind := func(tags map[string]string) string {
		if tags["k"] == "" {
			return RSA // RFC 6376, section 3.6.1
		}
		return strings.ToLower(tags["k"])
	}
	return err == nil && err2 == nil && x["p"] == y["p"] && kind(x) == kind(y)
}
