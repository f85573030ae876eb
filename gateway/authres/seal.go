package authres

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mmgw/mmgw/gateway"
)

// Signing says how a message is to be signed.
type Signing struct {
	Domain string // whose keys sign; "" for none
	Sign   bool   // add DKIM-Signature fields
	Seal   bool   // add an ARC set, above them
	Now    time.Time
}

// Fields are the ARC set and the signatures of a message, in the order in which they
// go before its header. bodyHash is BodyHash of its body.
func (s *Signer) Fields(header gateway.Header, bodyHash []byte, how Signing) (fields []gateway.Field, err error) {
	if how.Sign {
		if fields, err = s.Sign(header, bodyHash, how.Domain, how.Now); err != nil {
			return nil, err
		}
	}
	if how.Seal {
		set, err := s.Seal(slices.Concat(fields, header), bodyHash, how.Domain, how.Now)
		if err != nil {
			return nil, err
		}
		fields = slices.Concat(set, fields)
	}
	return fields, nil
}

// Seal returns an ARC set (RFC 8617, section 5.1), to go before header, with our own
// Authentication-Results in it. It returns nil, without an error, if the chain cannot
// be continued (it has 50 sets, its newest seal says that it failed, or DNS did not
// answer when it was validated), if header has no results of ours, or if domain has no
// RSA key.
func (s *Signer) Seal(header gateway.Header, bodyHash []byte, domain string, now time.Time) ([]gateway.Field, error) {
	keys := s.For(domain)
	at := slices.IndexFunc(keys, func(k Key) bool { return k.Kind() == RSA })
	results := s.ownResults(header)
	chain := readChain(header)
	cv := resultOf(results, "arc")
	instance := len(chain.sets) + 1
	if chain.result == Fail {
		cv, instance = Fail, highestInstance(header)+1
	}
	if at < 0 || results == "" || instance > arcSetsMax || !slices.Contains([]string{None, Pass, Fail}, cv) || saysFail(header) || cv == None && instance > 1 {
		return nil, nil
	}
	return sealWith(keys[at], header, hNamesOfSeal(header), instanceSeal{instance, cv, results, bodyHash, now}, chain.sets)
}

// instanceSeal is the content of a new set.
type instanceSeal struct {
	instance int
	cv       string
	results  string // with the authserv-id
	bodyHash []byte
	now      time.Time
}

func sealWith(k Key, header gateway.Header, names []string, n instanceSeal, before []arcSet) ([]gateway.Field, error) {
	aar, err := gateway.NewField(aarName, fmt.Sprintf("i=%d; %s", n.instance, n.results))
	if err != nil {
		return nil, err
	}
	tail := []string{fmt.Sprintf("i=%d", n.instance), "s=" + k.Selector, fmt.Sprintf("t=%d", n.now.Unix())}
	ams, err := k.signed(amsName, append([]string{
		"a=" + k.algorithm(), "b=", "bh=" + base64.StdEncoding.EncodeToString(n.bodyHash), "c=relaxed/relaxed",
		"d=" + k.Domain, "h=" + strings.Join(names, ":"),
	}, tail...), signedFields(header, names))
	if err != nil {
		return nil, err
	}
	if n.cv == Fail {
		before = nil // RFC 8617, section 5.1.2: the seal of a broken chain covers only its own set
	}
	seal, err := k.signed(asName, append([]string{"a=" + k.algorithm(), "b=", "cv=" + n.cv, "d=" + k.Domain}, tail...), append(sealed(before), aar, ams))
	return []gateway.Field{seal, ams, aar}, err
}

// hNamesOfSeal are the names of the fields that a message signature of ARC covers:
// those of a DKIM signature, and the DKIM signatures.
func hNamesOfSeal(header gateway.Header) []string {
	names := hNames(header)
	for range min(header.Count(signatureName), signedFieldsMax) {
		names = append(names, signatureName)
	}
	return names
}

// ownResults are our own results in a header, with the authserv-id. They are what we
// found when the message came in, since fields that others wrote in our name were
// removed then.
func (s *Signer) ownResults(header gateway.Header) string {
	var results string
	for _, field := range header {
		if !IsForged(field, s.ID) {
			continue
		}
		id, infos, _ := strings.Cut(field.Value(), ";")
		if results == "" {
			results = strings.TrimSpace(id)
		}
		results += "; " + strings.TrimSuffix(strings.TrimSpace(infos), ";")
	}
	return results
}

// resultOf is the result of a method in the value of a field that Format wrote.
func resultOf(value, method string) string {
	for value != "" {
		words, ok := leadingWords(value)
		if ok && len(words) > 1 && words[0] == method {
			return words[1]
		}
		value = afterSemicolon(value)
	}
	return ""
}

// afterSemicolon is what follows the first semicolon outside of comments and
// quoted-strings.
func afterSemicolon(s string) string {
	ok := true
	for s != "" && ok {
		switch s[0] {
		case ';':
			return s[1:]
		case '(':
			s, ok = skipComment(s)
		case '"':
			_, s, ok = cutQuoted(s)
		default:
			s = s[1:]
		}
	}
	return ""
}

// highestInstance is the highest instance of the fields of ARC in a header, or 0.
func highestInstance(header gateway.Header) (highest int) {
	for _, field := range header {
		if field.Is(aarName) || field.Is(amsName) || field.Is(asName) {
			if i, err := instanceOf(field); err == nil {
				highest = max(highest, i)
			}
		}
	}
	return highest
}

// saysFail says whether the newest seal reports that the chain failed: no set may
// follow it.
func saysFail(header gateway.Header) bool {
	highest := highestInstance(header)
	for _, field := range header {
		if i, err := instanceOf(field); err == nil && i == highest && field.Is(asName) {
			tags, err := parseTags(field.Value())
			return err == nil && strings.EqualFold(tags["cv"], Fail)
		}
	}
	return false
}
