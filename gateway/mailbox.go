package gateway

import (
	"errors"
	"net/netip"
	"strings"
	"unicode"
	"unicode/utf8"
)

// parseMailbox takes a Mailbox of RFC 5321, section 4.1.2, extended by
// RFC 6531, apart. The local part comes back in its shortest legal spelling:
// quoted only where it must be.
func parseMailbox(s string) (local, domain string, err error) {
	switch {
	case s == "":
		return "", "", errors.New("the address is empty")
	case len(s) > PathBytesMax:
		return "", "", errors.New("the address is longer than 254 octets")
	case !utf8.ValidString(s):
		return "", "", errors.New("the address is not UTF-8")
	}
	local, rest, err := parseLocal(s)
	if err != nil {
		return "", "", err
	}
	if !strings.HasPrefix(rest, "@") {
		return "", "", errors.New("there is no @ after the local part")
	}
	domain, err = parseDomain(rest[1:])
	return local, domain, err
}

func parseLocal(s string) (local, rest string, err error) {
	if strings.HasPrefix(s, `"`) {
		local, rest, err = parseQuoted(s)
	} else {
		n := strings.IndexByte(s, '@')
		if n < 0 {
			n = len(s)
		}
		local, rest = s[:n], s[n:]
		if !isDotString(local) {
			err = errors.New("the local part has a character or a dot where none is allowed")
		}
	}
	if err == nil && len(local) > LocalPartBytesMax {
		err = errors.New("the local part is longer than 64 octets")
	}
	return local, rest, err
}

// parseQuoted reads a Quoted-string at the start of s and spells it again.
func parseQuoted(s string) (local, rest string, err error) {
	var text strings.Builder
	for i := 1; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '"' && strings.ContainsFunc(text.String(), isHidden):
			return "", "", errors.New("the quoted local part has a character that cannot be printed")
		case c == '"':
			return quoteLocal(text.String()), s[i+1:], nil
		case c == '\\' && i+1 < len(s) && s[i+1] >= ' ' && s[i+1] < 0x7f:
			i++
			text.WriteByte(s[i])
		case c < ' ' || c == 0x7f || c == '\\':
			return "", "", errors.New("the quoted local part has a control character or a stray backslash")
		default:
			text.WriteByte(c)
		}
	}
	return "", "", errors.New("the quoted local part has no end")
}

// isHidden says whether a terminal would take r for a command, or not show it: controls
// beyond ASCII and marks of direction among them.
func isHidden(r rune) bool { return !unicode.IsPrint(r) }

func quoteLocal(text string) string {
	if isDotString(text) {
		return text
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`
}

func isDotString(s string) bool {
	if s == "" || s[0] == '.' || s[len(s)-1] == '.' || strings.Contains(s, "..") {
		return false
	}
	for _, r := range s {
		if r != '.' && !isAtext(r) {
			return false
		}
	}
	return true
}

func isAtext(r rune) bool {
	switch {
	case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9':
		return true
	case r >= utf8.RuneSelf:
		return unicode.IsPrint(r)
	}
	return strings.ContainsRune("!#$%&'*+-/=?^_`{|}~", r)
}

func parseDomain(s string) (string, error) {
	switch {
	case s == "":
		return "", errors.New("there is no domain after the @")
	case len(s) > DomainBytesMax:
		return "", errors.New("the domain is longer than 255 octets")
	case s[0] == '[':
		return parseLiteral(s)
	}
	for label := range strings.SplitSeq(s, ".") {
		if !isLabel(label) {
			return "", errors.New("the domain is not made of letters, digits and hyphens between dots")
		}
	}
	return strings.ToLower(s), nil
}

func isLabel(s string) bool {
	if s == "" || len(s) > 63 || s[0] == '-' || s[len(s)-1] == '-' {
		return false
	}
	for _, r := range s {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', r == '-':
		case r >= utf8.RuneSelf && (unicode.IsLetter(r) || unicode.IsMark(r) || unicode.IsDigit(r)):
		default:
			return false
		}
	}
	return true
}

// parseLiteral takes an address literal of RFC 5321, section 4.1.3.
func parseLiteral(s string) (string, error) {
	inner, ok := strings.CutSuffix(s[1:], "]")
	text, v6 := inner, false
	if len(inner) > 5 && strings.EqualFold(inner[:5], "IPv6:") {
		text, v6 = inner[5:], true
	}
	addr, err := netip.ParseAddr(text)
	if !ok || err != nil || addr.Is4() == v6 || addr.Zone() != "" {
		return "", errors.New("the address literal is not [IPv4] or [IPv6:...]")
	}
	return strings.ToLower(s), nil
}
