package authres

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mmgw/mmgw/gateway"
)

// Key is a key that signs for a domain.
type Key struct {
	Domain, Selector string // fit for a header field and for DNS
	PrivateKey
}

// Signer makes DKIM signatures and ARC sets. It is safe for concurrent use.
type Signer struct {
	Keys []Key
	ARC  bool   // posts and mail to owners get an ARC set (RFC 8617)
	ID   string // the authserv-id of our own results
}

// signedNames are the fields that are signed, by the advice of RFC 6376, section
// 5.4.1. Those with over are named once more than there are such fields, so that
// nobody can add one without breaking the signature. Those of lists do not have it: the
// next list on the way adds its own.
var signedNames = []struct {
	name string
	over bool
}{
	{"From", true}, {"Sender", true}, {"Reply-To", true}, {"To", true}, {"Cc", true}, {"Subject", true}, {"Date", true},
	{"Message-ID", true}, {"In-Reply-To", true}, {"References", true},
	{"MIME-Version", true}, {"Content-Type", true}, {"Content-Transfer-Encoding", true},
	{"Content-ID", false}, {"Content-Description", false}, {"Content-Language", false}, {"Content-Disposition", false},
	{"Resent-Date", false}, {"Resent-From", false}, {"Resent-Sender", false}, {"Resent-To", false}, {"Resent-Cc", false}, {"Resent-Message-ID", false},
	{"List-Id", false}, {"List-Help", false}, {"List-Unsubscribe", false}, {"List-Unsubscribe-Post", false},
	{"List-Subscribe", false}, {"List-Post", false}, {"List-Owner", false}, {"List-Archive", false},
	{"Auto-Submitted", false},
}

// signedFieldsMax bounds the fields of one name that are signed, so that h= of an odd
// message does not become too long. If there are more, the lowest are signed.
const signedFieldsMax = 20

// SignedHeader is the fields of header that signatures cover. Copies of a message in
// which they are the same can have the same signature.
func SignedHeader(header gateway.Header) []gateway.Field {
	return signedFields(header, hNames(header))
}

// hNames are the names in h= for a header.
func hNames(header gateway.Header) []string {
	count := map[string]int{}
	for _, field := range header {
		count[strings.ToLower(field.Name())]++
	}
	var names []string
	for _, s := range signedNames {
		n := min(count[strings.ToLower(s.name)], signedFieldsMax)
		if s.over {
			n++
		}
		for range n {
			names = append(names, s.name)
		}
	}
	return names
}

// For are the keys that sign for a domain: its own, or those of the nearest domain
// above it that has any.
func (s *Signer) For(domain string) (keys []Key) {
	for domain != "" && len(keys) == 0 {
		for _, k := range s.Keys {
			if k.Domain == domain {
				keys = append(keys, k)
			}
		}
		_, domain, _ = strings.Cut(domain, ".")
	}
	return keys
}

// Sign returns a DKIM-Signature field for each key of a domain, to go before header.
// bodyHash is BodyHash of the body that goes out with it. Neither the body nor a field
// of SignedHeader may be changed afterwards.
func (s *Signer) Sign(header gateway.Header, bodyHash []byte, domain string, now time.Time) ([]gateway.Field, error) {
	names := hNames(header)
	fields := signedFields(header, names)
	var signatures []gateway.Field
	for _, k := range s.For(domain) {
		tags := []string{
			"v=1", "a=" + k.algorithm(), "c=relaxed/relaxed", "d=" + k.Domain, "s=" + k.Selector, fmt.Sprintf("t=%d", now.Unix()),
			"h=" + strings.Join(names, ":"), "bh=" + base64.StdEncoding.EncodeToString(bodyHash), "b=",
		}
		field, err := k.signed(signatureName, tags, fields)
		if err != nil {
			return nil, fmt.Errorf("sign with %s: %w", RecordName(k.Domain, k.Selector), err)
		}
		signatures = append(signatures, field)
	}
	return signatures, nil
}

// signed is the field of these tags, one of which is an empty b=, completed with the
// signature of fields and of itself.
func (k Key) signed(name string, tags []string, fields []gateway.Field) (gateway.Field, error) {
	signature, err := k.sign(relaxed.hashHeader(fields, foldTags(name, tags)))
	if err != nil {
		return "", err
	}
	tags[slices.Index(tags, "b=")] = "b=" + base64.StdEncoding.EncodeToString(signature)
	return foldTags(name, tags), nil
}

// foldTags makes a field of tags. It folds between them, and within h= and b=, where
// white space does not count (RFC 6376, section 3.5).
func foldTags(name string, tags []string) gateway.Field {
	var b strings.Builder
	b.WriteString(name + ":")
	column := b.Len()
	for i, tag := range tags {
		if i < len(tags)-1 {
			tag += ";"
		}
		for j, piece := range tagPieces(tag) {
			switch {
			case column+1+len(piece) > tagLineMax:
				b.WriteString("\r\n " + piece)
				column = 1 + len(piece)
			case j > 0:
				b.WriteString(piece)
				column += len(piece)
			default:
				b.WriteString(" " + piece)
				column += 1 + len(piece)
			}
		}
	}
	return gateway.Field(b.String() + "\r\n")
}

// tagLineMax is the length of a line of our tag lists, below the 78 characters that
// RFC 5322, section 2.1.1, advises.
const tagLineMax = 73

// tagPieces are the parts of a tag between which it can be folded.
func tagPieces(tag string) (pieces []string) {
	switch {
	case strings.HasPrefix(tag, "h="):
		return strings.SplitAfter(tag, ":")
	case strings.HasPrefix(tag, "b="):
		for len(tag) > tagLineMax-1 {
			pieces = append(pieces, tag[:tagLineMax-1])
			tag = tag[tagLineMax-1:]
		}
	}
	return append(pieces, tag)
}
