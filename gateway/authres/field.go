package authres

import (
	"strings"

	"github.com/mmgw/mmgw/gateway"
)

// FieldName is the name of the field that Format gives the value of.
const FieldName = "Authentication-Results"

// valueBytesMax bounds a value: no domain is longer. With every octet escaped
// it still fits a line, which must not be broken within an escape.
const valueBytesMax = gateway.DomainBytesMax

// Format is the value of an Authentication-Results field (RFC 8601, section
// 2.2), unfolded. It is printable ASCII whatever results hold. authservID is
// who checked; from is the reverse-path, for SPF. Without a DKIM signature it
// says dkim=none; SPF, DMARC and ARC are told where they have a result.
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

// method is one resinfo: what was checked, the result, why, and of whom. Empty
// parts are left out.
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

// keyword is a result word; what is none becomes PermError.
func keyword(result string) string {
	if result == "" || strings.Trim(result, "abcdefghijklmnopqrstuvwxyz") != "" {
		return PermError
	}
	return result
}

// policyComment tells the policy of DMARC where other receivers do.
func policyComment(policy string) string {
	switch policy {
	case "none", "quarantine", "reject":
		return "(p=" + policy + ")"
	}
	return ""
}

// property is one propspec: ptype, property and value. An empty value leaves
// it out, as an address without a domain does.
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

// isToken says whether c may stand in a token: printable, no space, none of
// the tspecials.
func isToken(c byte) bool {
	return c > ' ' && c <= '~' && strings.IndexByte(`()<>@,;:\"/[]?=`, c) < 0
}

// quoted is a quoted-string of RFC 5322, section 3.2.4. Octets that are no
// printable ASCII become "?". Of several spaces in a row one stays: folded,
// they could make a line of nothing else, which RFC 5322, section 3.2.2,
// forbids.
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
