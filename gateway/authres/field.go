package authres

import (
	"strings"

	"github.com/mmgw/mmgw/gateway"
)

// FieldName is the name of the field that Format writes.
const FieldName = "Authentication-Results"

// valueBytesMax bounds a value: no domain is longer. Even with every octet escaped it
// fits a line, which must not be broken within an escape.
const valueBytesMax = gateway.DomainBytesMax

// Format is the value of an Authentication-Results field (RFC 8601, section 2.2),
// unfolded. It is printable ASCII whatever the results hold. authservID names who has
// checked; from is the reverse-path, for SPF. Without a DKIM signature it says
// dkim=none; SPF, DMARC and ARC are in it if they have a result.
func Format(authservID string, results gateway.AuthResults, from gateway.ReversePath) string {
	infos := []string{value(authservID)}
	if results.SPF != "" {
		infos = append(infos, method("spf", results.SPF, "", property("smtp.mailfrom", ASCIIDomain(from.Domain()))))
	}
	for _, d := range results.DKIM {
		infos = append(infos, method("dkim", d.Result, d.Reason, property("header.d", d.Domain), property("header.s", d.Selector)))
	}
	if len(results.DKIM) == 0 {
		infos = append(infos, method("dkim", None, ""))
	}
	if d := results.DMARC; d.Result != "" {
		infos = append(infos, method("dmarc", d.Result, "", policyComment(d.Policy), property("header.from", ASCIIDomain(d.Domain))))
	}
	if results.ARC != "" {
		infos = append(infos, method("arc", results.ARC, ""))
	}
	return strings.Join(infos, "; ")
}

// method is one resinfo: the method, its result, the reason and properties. Empty parts
// are left out.
func method(name, result, reason string, properties ...string) string {
	parts := []string{name + "=" + keyword(result)}
	if reason != "" {
		parts = append(parts, "reason="+quoted(reason))
	}
	for _, p := range properties {
		if p != "" {
			parts = append(parts, p)
		}
	}
	return strings.Join(parts, " ")
}

// keyword is a result, or PermError if it is not a word of letters.
func keyword(result string) string {
	if result == "" || strings.Trim(result, "abcdefghijklmnopqrstuvwxyz") != "" {
		return PermError
	}
	return result
}

// policyComment gives the policy of DMARC as a comment, as other receivers do.
func policyComment(policy string) string {
	switch policy {
	case "none", "quarantine", "reject":
		return "(p=" + policy + ")"
	}
	return ""
}

// property is one propspec: ptype, property and value; "" for an empty value, such as
// the domain of a null reverse-path.
func property(name, of string) string {
	if of == "" {
		return ""
	}
	return name + "=" + value(of)
}

// value is a token of RFC 2045, section 5.1, or a quoted-string.
func value(s string) string {
	s = s[:min(len(s), valueBytesMax)]
	for i := range len(s) {
		if !isToken(s[i]) {
			return quoted(s)
		}
	}
	if s == "" {
		return `""`
	}
	return s
}

// isToken says whether c may be in a token: it is printable, and neither a space nor
// one of the tspecials.
func isToken(c byte) bool {
	return c > ' ' && c <= '~' && strings.IndexByte(`()<>@,;:\"/[]?=`, c) < 0
}

// quoted is a quoted-string of RFC 5322, section 3.2.4. Octets that are not printable
// ASCII become "?". Several spaces become one: folding them could make a line of white
// space alone, which RFC 5322, section 3.2.2, forbids.
func quoted(s string) string {
	s = s[:min(len(s), valueBytesMax)]
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == ' ' && i > 0 && s[i-1] == ' ':
		case c < ' ' || c > '~':
			b.WriteByte('?')
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}
