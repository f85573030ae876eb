package gateway

import "strings"

// Limits of RFC 5321, section 4.5.3.1, in octets.
const (
	LocalPartBytesMax = 64
	DomainBytesMax    = 255
	PathBytesMax      = 254 // a path of 256 without its angle brackets
)

// ReversePath is the address that failures of a message are reported to
// (RFC 5321, section 4.1.1.2), without angle brackets. "" is the null
// reverse-path of bounces; nothing may be reported to it.
type ReversePath string

// ForwardPath is the address of one recipient, without angle brackets. It is
// never empty once parsed; its domain is in lower case and its local part in
// the shortest legal spelling.
type ForwardPath string

// ParseReversePath checks s, which stands without angle brackets, against
// RFC 5321 and RFC 6531. "" is legal.
func ParseReversePath(s string) (ReversePath, error) {
	if s == "" {
		return "", nil
	}
	p, err := ParseForwardPath(s)
	return ReversePath(p), err
}

// ParseForwardPath checks s, which stands without angle brackets, against
// RFC 5321 and RFC 6531, and returns its normal form. Source routes, control
// characters and over-long parts are refused. The result needs no further
// escaping in an SMTP command.
func ParseForwardPath(s string) (ForwardPath, error) {
	local, domain, err := parseMailbox(s)
	if err != nil {
		return "", &PathError{Path: s, Reason: err.Error()}
	}
	if n := len(s) - len(domain); n == len(local)+1 && s[:n-1] == local && s[n:] == domain {
		return ForwardPath(s), nil // it is spelt as it is to be
	}
	return ForwardPath(local + "@" + domain), nil
}

// PathError says why a text is not an address.
type PathError struct {
	Path   string // as it came, untrusted
	Reason string
}

func (e *PathError) Error() string { return Printable(e.Path) + ": " + e.Reason }

// IsNull says whether p is the null reverse-path.
func (p ReversePath) IsNull() bool { return p == "" }

// String returns p in angle brackets, as in an SMTP command.
func (p ReversePath) String() string { return "<" + string(p) + ">" }

// Local is the part of p before its last @, quotes included.
func (p ReversePath) Local() string { return ForwardPath(p).Local() }

// Domain is the part of p after its last @, "" for the null reverse-path.
func (p ReversePath) Domain() string { return ForwardPath(p).Domain() }

// String returns p in angle brackets, as in an SMTP command.
func (p ForwardPath) String() string { return "<" + string(p) + ">" }

// Local is the part of p before its last @, quotes included.
func (p ForwardPath) Local() string {
	local, _ := cutLast(string(p))
	return local
}

// Domain is the part of p after its last @, in lower case.
func (p ForwardPath) Domain() string {
	_, domain := cutLast(string(p))
	return domain
}

// Key is the form in which two addresses are compared for being the same
// mailbox: all in lower case. RFC 5321, section 2.4, leaves the case of the
// local part to the receiving host, and every host in use folds it.
func (p ForwardPath) Key() string { return strings.ToLower(string(p)) }

// IsASCII says whether p can be sent without SMTPUTF8 (RFC 6531).
func (p ForwardPath) IsASCII() bool { return IsASCII(p) }

// IsASCII says whether p can be sent without SMTPUTF8 (RFC 6531).
func (p ReversePath) IsASCII() bool { return IsASCII(p) }

func cutLast(s string) (local, domain string) {
	if i := strings.LastIndexByte(s, '@'); i >= 0 {
		return s[:i], s[i+1:]
	}
	return s, ""
}
