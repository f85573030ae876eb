package authres

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/emersion/go-msgauth/dkim"

	"github.com/mmgw/mmgw/gateway"
)

// signatureName is the field of a signature (RFC 6376, section 3.5).
const signatureName = "DKIM-Signature"

// signature is one signature of a message, and its result once that is known.
type signature struct {
	index  int // of its field; -1: of none in particular
	tags   map[string]string
	key    string // DNS name of its key, in lower case, with the final dot
	result gateway.DKIMResult
}

// refused is a result that is of no signature in particular.
func refused(result, reason string) *signature {
	s := &signature{index: -1}
	s.settle(result, reason)
	return s
}

// settle sets the result, after which no further check is made.
func (s *signature) settle(result, reason string) {
	s.result.Result, s.result.Reason = result, gateway.Printable(reason)
}

// undecided are the signatures that have no result yet.
func undecided(signatures []*signature) (open []*signature) {
	for _, s := range signatures {
		if s.result.Result == "" {
			open = append(open, s)
		}
	}
	return open
}

// screen reads the signatures of a header, and settles those that must not reach the
// library or DNS. Those above the limit become a single result.
func screen(header gateway.Header, size int64, now time.Time) (signatures []*signature) {
	limit := int(min(max(HashedBytesMax/max(size, 1), 1), SignaturesMax))
	// With two From fields a reader may be shown one while the signature covers the
	// other. RFC 5322, section 3.6, requires exactly one.
	authors, surplus := header.Count("From"), 0
	for i := header.Find(signatureName, 0); i >= 0; i = header.Find(signatureName, i+1) {
		if len(signatures) == limit {
			surplus++
			continue
		}
		s := &signature{index: i}
		signatures = append(signatures, s)
		if err := s.read(header[i]); err != nil {
			s.settle(PermError, err.Error())
			continue
		}
		if authors != 1 {
			s.settle(Policy, fmt.Sprintf("the message has %d From fields", authors))
			continue
		}
		s.checkPolicy(now)
	}
	if surplus > 0 {
		signatures = append(signatures, refused(Policy, fmt.Sprintf("%d more signatures were not looked at", surplus)))
	}
	return signatures
}

// read reads the tags of a field (RFC 6376, section 3.2), as far as they are needed
// here. The library reads them again, more strictly.
func (s *signature) read(field gateway.Field) error {
	if len(field) > SignatureBytesMax {
		return errors.New("the signature is too large")
	}
	if strings.Contains(string(field), "\x00") {
		return errors.New("the signature has a NUL") // which Field.Value leaves out
	}
	tags, err := parseTags(field.Value())
	if err != nil {
		return err
	}
	s.tags = tags
	domain, selector := ASCIIDomain(tags["d"]), ASCIIDomain(tags["s"])
	if err := checkDNSName(domain, "d="); err != nil {
		return err
	}
	s.result.Domain = domain
	if err := checkDNSName(selector, "s="); err != nil {
		return err
	}
	s.result.Selector = selector
	s.key = selector + "._domainkey." + domain + "."
	if len(s.key)-1 > dnsNameBytesMax {
		return errors.New("the name of the key is too long")
	}
	return nil
}

// parseTags reads a tag list; space within values is dropped.
func parseTags(list string) (map[string]string, error) {
	tags := map[string]string{}
	for spec := range strings.SplitSeq(list, ";") {
		name, value, ok := strings.Cut(spec, "=")
		if name = strings.TrimSpace(name); !ok {
			if name == "" {
				continue
			}
			return nil, errors.New("malformed tag list")
		}
		if _, twice := tags[name]; twice {
			return nil, errors.New("duplicate tag name")
		}
		// As the library does, so that both read the same names.
		tags[name] = strings.Map(func(r rune) rune {
			if unicode.IsSpace(r) {
				return -1
			}
			return r
		}, value)
	}
	return tags, nil
}

// checkPolicy settles a signature that is not accepted whether or not it verifies.
func (s *signature) checkPolicy(now time.Time) {
	if _, ok := s.tags["l"]; ok {
		s.settle(Policy, "the signature leaves a part of the body out (l=)")
		return
	}
	if strings.Count(s.tags["h"], ":") >= SignedNamesMax {
		s.settle(Policy, "the signature covers too many fields (h=)")
		return
	}
	if at, err := strconv.ParseInt(s.tags["t"], 10, 64); err == nil && at > now.Add(clockSkewMax).Unix() {
		s.settle(PermError, "the signature is from the future (t=)")
	}
}

// conclude takes the library's verdict, and applies the flags of the key, which the
// library leaves to its callers.
func (s *signature) conclude(found *dkim.Verification, keys keyring) {
	reason := ""
	if found.Err != nil {
		reason = strings.TrimPrefix(found.Err.Error(), "dkim: ")
	}
	switch {
	case found.Err == nil:
		s.concludeFlags(keys)
	case dkim.IsTempFail(found.Err):
		s.settle(TempError, reason)
	case dkim.IsPermFail(found.Err):
		s.settle(PermError, reason)
	default:
		s.settle(Fail, reason)
	}
}

// concludeFlags applies t= of the key record (RFC 6376, section 3.6.1). A key in
// testing mode passes like any other, as with most receivers, and the reason says so.
func (s *signature) concludeFlags(keys keyring) {
	flags := keys.flags(s.key)
	_, identity, _ := cutLast(s.tags["i"], "@")
	switch {
	case slices.Contains(flags, "s") && s.tags["i"] != "" && !strings.EqualFold(identity, s.result.Domain):
		s.settle(PermError, "the key does not sign for subdomains (t=s)")
	case slices.Contains(flags, "y"):
		s.settle(Pass, "the key is in testing mode (t=y)")
	default:
		s.settle(Pass, "")
	}
}

// cutLast is strings.Cut at the last separator.
func cutLast(s, separator string) (before, after string, found bool) {
	if i := strings.LastIndex(s, separator); i >= 0 {
		return s[:i], s[i+len(separator):], true
	}
	return s, "", false
}
