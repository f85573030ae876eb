package authres

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/mmgw/mmgw/gateway"
)

// The fields of an ARC set (RFC 8617, section 4.1).
const (
	aarName = "ARC-Authentication-Results"
	amsName = "ARC-Message-Signature"
	asName  = "ARC-Seal"
)

const (
	// arcSetsMax is how many sets a chain may have (RFC 8617, section 4.2.1).
	arcSetsMax = 50
	// arcKeysMax bounds the different keys of a chain, and so its questions to DNS.
	// Honest chains have fewer than ten sets.
	arcKeysMax = 20
)

// arcSet is one set of a chain: its fields, and their tags.
type arcSet struct {
	aar, ams, seal          gateway.Field
	amsTags, sealTags       map[string]string
	amsKeyName, sealKeyName string
}

// chain is the chain of ARC sets in a header.
type chain struct {
	sets   []arcSet // sets[0] is instance 1
	result string   // none, pass, fail or temperror; "": not known yet
	reason string
}

func failedChain(format string, args ...any) chain {
	return chain{result: Fail, reason: fmt.Sprintf(format, args...)}
}

// readChain reads the ARC sets of a header (RFC 8617, section 5.2, steps 1 to 3). Its
// result is "" if that depends on the signatures.
func readChain(header gateway.Header) chain {
	fields := map[string]map[int]gateway.Field{aarName: {}, amsName: {}, asName: {}}
	highest := 0
	for _, field := range header {
		for name, of := range fields {
			if !field.Is(name) {
				continue
			}
			i, err := instanceOf(field)
			if err != nil {
				return failedChain("%v", err)
			}
			if _, twice := of[i]; twice {
				return failedChain("there are two %s fields with i=%d", name, i)
			}
			of[i], highest = field, max(highest, i)
		}
	}
	if highest == 0 {
		return chain{result: None}
	}
	var c chain
	for i := range highest {
		set := arcSet{aar: fields[aarName][i+1], ams: fields[amsName][i+1], seal: fields[asName][i+1]}
		if set.aar == "" || set.ams == "" || set.seal == "" {
			return failedChain("the set with i=%d is not complete", i+1)
		}
		if err := set.read(i + 1); err != nil {
			return failedChain("i=%d: %v", i+1, err)
		}
		c.sets = append(c.sets, set)
	}
	return c
}

// instanceOf is the tag i= of a field of ARC.
func instanceOf(field gateway.Field) (int, error) {
	if len(field) > SignatureBytesMax {
		return 0, errors.New("a field of ARC is too large")
	}
	for spec := range strings.SplitSeq(field.Value(), ";") {
		name, value, _ := strings.Cut(spec, "=")
		if strings.TrimSpace(name) != "i" {
			continue
		}
		i, err := strconv.Atoi(strings.TrimSpace(value))
		if err != nil || i < 1 || i > arcSetsMax {
			break
		}
		return i, nil
	}
	return 0, fmt.Errorf("%s has no instance from 1 to %d", field.Name(), arcSetsMax)
}

// read reads and checks the tags of the two signatures of set i.
func (s *arcSet) read(i int) (err error) {
	if s.amsTags, s.amsKeyName, err = signatureTags(s.ams, "a", "b", "bh", "d", "h", "s"); err != nil {
		return err
	}
	if s.sealTags, s.sealKeyName, err = signatureTags(s.seal, "a", "b", "cv", "d", "s"); err != nil {
		return err
	}
	want := Pass
	if i == 1 {
		want = None
	}
	for _, name := range strings.Split(strings.ToLower(s.amsTags["h"]), ":") {
		if name == strings.ToLower(asName) {
			return errors.New("the message signature covers a seal")
		}
	}
	switch cv := strings.ToLower(s.sealTags["cv"]); {
	case s.sealTags["h"] != "":
		return errors.New("the seal has an h=")
	case cv != want:
		return fmt.Errorf("cv is %s, not %s", gateway.Printable(cv), want)
	}
	return nil
}

// signatureTags are the tags of a signature of ARC, and the name of its key. They are
// read as the library reads those of DKIM.
func signatureTags(field gateway.Field, required ...string) (tags map[string]string, key string, err error) {
	s := &signature{}
	if err := s.read(field); err != nil {
		return nil, "", fmt.Errorf("%s: %w", field.Name(), err)
	}
	for _, name := range required {
		if value, ok := s.tags[name]; !ok || value == "" && name != "h" {
			return nil, "", fmt.Errorf("%s has no %s=", field.Name(), name)
		}
	}
	if err := checkTagList(field.Value()); err != nil {
		return nil, "", fmt.Errorf("%s: %w", field.Name(), err)
	}
	if _, ok := s.tags["l"]; ok {
		return nil, "", fmt.Errorf("%s leaves a part of the body out", field.Name())
	}
	if strings.Count(s.tags["h"], ":") >= SignedNamesMax {
		return nil, "", fmt.Errorf("%s covers too many fields", field.Name())
	}
	return s.tags, s.key, nil
}

// checkTagList is stricter than parseTags: between two semicolons there must be a
// tag, and its name must be a word (RFC 6376, section 3.2).
func checkTagList(list string) error {
	specs := strings.Split(strings.TrimSpace(list), ";")
	for i, spec := range specs {
		name, _, ok := strings.Cut(spec, "=")
		name = strings.TrimSpace(name)
		if !ok && i == len(specs)-1 && name == "" {
			return nil
		}
		if !ok || name == "" || name[0] < 'A' || strings.Trim(strings.ToLower(name), "abcdefghijklmnopqrstuvwxyz0123456789_") != "" || name[0] == '_' {
			return errors.New("malformed tag list")
		}
	}
	return nil
}

// checkARC validates the chain of a message (RFC 8617, section 5.2).
func (v *Verifier) checkARC(ctx context.Context, content gateway.Content, header gateway.Header) chain {
	c := readChain(header)
	if c.result != "" {
		return c
	}
	draft, err := gateway.OpenDraft(content)
	if err != nil {
		c.result, c.reason = TempError, v.unreadable(err).result.Reason
		return c
	}
	ctx, cancel := context.WithTimeout(ctx, v.timeout())
	defer cancel()
	c.result, c.reason = v.validate(ctx, c.sets, draft)
	v.log().Debug("authentication: ARC", "result", c.result, "reason", gateway.Printable(c.reason))
	return c
}

// validate checks the newest message signature and all seals.
func (v *Verifier) validate(ctx context.Context, sets []arcSet, draft *gateway.Draft) (result, reason string) {
	newest := &sets[len(sets)-1]
	names := []string{newest.amsKeyName}
	for i := range sets {
		names = append(names, sets[i].sealKeyName)
	}
	slices.Sort(names)
	if names = slices.Compact(names); len(names) > arcKeysMax {
		return Fail, "the chain has too many keys"
	}
	keys, result, err := v.records(ctx, names)
	if err != nil {
		return result, err.Error()
	}
	if err := verifyAMS(newest, draft, keys[newest.amsKeyName]); err != nil {
		return Fail, err.Error()
	}
	for i := range sets {
		fields := sealed(sets[:i+1])
		digest := relaxed.hashHeader(fields[:len(fields)-1], sets[i].seal)
		if err := verifySignature(sets[i].sealTags, digest, keys[sets[i].sealKeyName]); err != nil {
			return Fail, fmt.Sprintf("%s with i=%d: %v", asName, i+1, err)
		}
	}
	return Pass, ""
}

// records asks for key records, all at the same time. The error is that of a record
// that is missing, and result says what it means: fail or temperror.
func (v *Verifier) records(ctx context.Context, names []string) (found keyring, result string, err error) {
	var mu sync.Mutex
	var questions sync.WaitGroup
	found = keyring{}
	for _, name := range names {
		questions.Go(func() {
			record, word, failed := v.record(ctx, name)
			mu.Lock()
			defer mu.Unlock()
			found[name] = record
			if failed != nil && result != TempError {
				if result, err = Fail, failed; word == TempError {
					result = TempError
				}
			}
		})
	}
	questions.Wait()
	return found, result, err
}

// verifyAMS checks an ARC-Message-Signature, which is made like that of DKIM.
func verifyAMS(s *arcSet, draft *gateway.Draft, record string) error {
	c := relaxed // RFC 8617, section 4.1.2, unlike DKIM
	if named, ok := s.amsTags["c"]; ok {
		var err error
		if c, err = parseCanonical(named); err != nil {
			return err
		}
	}
	digest := c.hashHeader(signedFields(draft.Header, strings.Split(s.amsTags["h"], ":")), s.ams)
	if err := verifySignature(s.amsTags, digest, record); err != nil {
		return fmt.Errorf("%s: %w", amsName, err)
	}
	want, err := base64.StdEncoding.DecodeString(s.amsTags["bh"])
	if err != nil {
		return errors.New("bh= is not base64")
	}
	got, err := hashBody(draft.Body(), c.relaxedBody)
	if err == nil && !bytes.Equal(got, want) {
		err = errors.New("the body has changed")
	}
	return err
}

// sealed are the fields that the seal of the last set covers: all sets, each in the
// order of RFC 8617, section 5.1.1. The last field is the seal itself.
func sealed(sets []arcSet) (fields []gateway.Field) {
	for _, s := range sets {
		fields = append(fields, s.aar, s.ams, s.seal)
	}
	return fields
}

// verifySignature checks the signature b= of a digest, with the key of a record.
func verifySignature(tags map[string]string, digest []byte, record string) error {
	signature, err := base64.StdEncoding.DecodeString(tags["b"])
	if err != nil {
		return errors.New("b= is not base64")
	}
	public, err := parsePublicKey(record, tags["a"])
	if err != nil {
		return err
	}
	ok := false
	switch key := public.(type) {
	case ed25519.PublicKey:
		ok = ed25519.Verify(key, digest, signature)
	case *rsa.PublicKey:
		ok = rsa.VerifyPKCS1v15(key, crypto.SHA256, digest, signature) == nil
	}
	if !ok {
		return errors.New("the signature does not verify")
	}
	return nil
}

// Bits of an RSA key that is accepted for verification (RFC 8301, section 3.2).
const acceptedBitsMin, acceptedBitsMax = 1024, 8192

// parsePublicKey reads a key record for an algorithm (RFC 6376, section 3.6.1).
func parsePublicKey(record, algorithm string) (crypto.PublicKey, error) {
	tags, err := parseTags(record)
	if err != nil {
		return nil, err
	}
	kind, hash, _ := strings.Cut(algorithm, "-")
	if hash != "sha256" || kind != RSA && kind != Ed25519 {
		return nil, fmt.Errorf("a= is %s", gateway.Printable(algorithm))
	}
	has := func(tag, want string) bool { // a list that is not there has everything
		list, ok := tags[tag]
		return !ok || slices.Contains(strings.Split(list, ":"), want)
	}
	data, err := base64.StdEncoding.DecodeString(tags["p"])
	switch version, ok := tags["v"]; {
	case ok && version != "DKIM1":
		return nil, errors.New("the key record has another version")
	case !has("k", kind) || tags["k"] == "" && kind != RSA:
		return nil, errors.New("the key is of another type")
	case !has("h", hash):
		return nil, errors.New("the key is not for this hash")
	case !has("s", "email") && !has("s", "*"):
		return nil, errors.New("the key is not for mail")
	case err != nil || len(data) == 0:
		return nil, errors.New("the key is revoked or malformed")
	}
	return decodePublicKey(kind, data)
}

func decodePublicKey(kind string, data []byte) (crypto.PublicKey, error) {
	if kind == Ed25519 {
		if len(data) != ed25519.PublicKeySize {
			return nil, errors.New("the key is malformed")
		}
		return ed25519.PublicKey(data), nil
	}
	key, err := x509.ParsePKIXPublicKey(data)
	if err != nil {
		key, err = x509.ParsePKCS1PublicKey(data)
	}
	public, ok := key.(*rsa.PublicKey)
	if err != nil || !ok {
		return nil, errors.New("the key is malformed")
	}
	if bits := public.N.BitLen(); bits < acceptedBitsMin || bits > acceptedBitsMax {
		return nil, fmt.Errorf("the key has %d bits", bits)
	}
	return public, nil
}
