package lmtp

import (
	"errors"
	"math"
	"strconv"
	"strings"

	"github.com/mmgw/mmgw/gateway"
)

// Lengths of RFC 3461, sections 4.2 and 4.4, in octets as sent.
const (
	envelopeIDBytesMax = 100
	originalBytesMax   = 500
)

// parameters reads what follows the path of a MAIL command.
func (m *mail) parameters(s string) *gateway.Status {
	return eachParameter(s, func(keyword, value string) *gateway.Status {
		ok := true
		switch keyword {
		case "SIZE":
			m.size, ok = parseSize(value)
		case "BODY":
			m.envelope.BodyType = gateway.BodyType(strings.ToUpper(value))
			ok = m.envelope.BodyType == gateway.Body7Bit || m.envelope.BodyType == gateway.Body8BitMIME
		case "SMTPUTF8":
			m.envelope.SMTPUTF8, ok = true, value == ""
		case "RET":
			m.envelope.Return = gateway.Return(strings.ToUpper(value))
			ok = m.envelope.Return == gateway.ReturnFull || m.envelope.Return == gateway.ReturnHeaders
		case "ENVID":
			text, err := decodeXtext(value)
			m.envelope.EnvelopeID = text
			ok = err == nil && text != "" && isText(text) && len(value) <= envelopeIDBytesMax
		default:
			return unknownParameter
		}
		if !ok {
			return badParameter
		}
		return nil
	})
}

// recipientParameters reads what follows the path of a RCPT command.
func recipientParameters(to *gateway.Recipient, s string) *gateway.Status {
	return eachParameter(s, func(keyword, value string) *gateway.Status {
		ok := true
		switch keyword {
		case "NOTIFY":
			to.Notify, ok = parseNotify(value)
		case "ORCPT":
			to.Original, ok = value, isOriginal(value)
		default:
			return unknownParameter
		}
		if !ok {
			return badParameter
		}
		return nil
	})
}

// eachParameter calls f for each KEYWORD[=value], with the keyword in upper case. It
// refuses a keyword that occurs twice.
func eachParameter(s string, f func(keyword, value string) *gateway.Status) *gateway.Status {
	seen := map[string]bool{}
	for parameter := range strings.SplitSeq(s, " ") {
		if parameter == "" {
			continue
		}
		keyword, value, _ := strings.Cut(parameter, "=")
		keyword = strings.ToUpper(keyword)
		if seen[keyword] {
			return badParameter
		}
		seen[keyword] = true
		if refusal := f(keyword, value); refusal != nil {
			return refusal
		}
	}
	return nil
}

// parseSize reads the digits of SIZE. A number that does not fit 64 bits is just a large
// one.
func parseSize(s string) (uint64, bool) {
	n, err := strconv.ParseUint(s, 10, 64)
	if errors.Is(err, strconv.ErrRange) {
		return math.MaxUint64, true
	}
	return n, err == nil
}

// parseNotify reads the value of NOTIFY. NEVER must be the only word.
func parseNotify(s string) (gateway.Notify, bool) {
	var set gateway.Notify
	for word := range strings.SplitSeq(strings.ToUpper(s), ",") {
		member := map[string]gateway.Notify{
			"NEVER": gateway.NotifyNever, "SUCCESS": gateway.NotifySuccess,
			"FAILURE": gateway.NotifyFailure, "DELAY": gateway.NotifyDelay,
		}[word]
		if member == 0 || set&member != 0 {
			return 0, false
		}
		set |= member
	}
	return set, set&gateway.NotifyNever == 0 || set == gateway.NotifyNever
}

// isOriginal checks an ORCPT: addr-type ";" and the address, for rfc822 in
// xtext (RFC 3461, section 4.2). It is kept as it came.
func isOriginal(s string) bool {
	kind, address, found := strings.Cut(s, ";")
	if !found || kind == "" || address == "" || len(s) > originalBytesMax {
		return false
	}
	if strings.EqualFold(kind, "rfc822") {
		_, err := decodeXtext(address)
		return err == nil
	}
	return true
}

var errXtext = errors.New("malformed xtext")

// decodeXtext decodes xtext (RFC 3461, section 4). It accepts an "=" that should have
// been encoded, since some MTAs pass on what they got.
func decodeXtext(s string) (string, error) {
	if !gateway.IsASCII(s) {
		return "", errXtext
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '+' {
			b.WriteByte(s[i])
			continue
		}
		if i+2 >= len(s) || !isUpperHex(s[i+1]) || !isUpperHex(s[i+2]) {
			return "", errXtext
		}
		n, err := strconv.ParseUint(s[i+1:i+3], 16, 8)
		if err != nil {
			return "", errXtext
		}
		b.WriteByte(byte(n))
		i += 2
	}
	return b.String(), nil
}

func isUpperHex(c byte) bool { return '0' <= c && c <= '9' || 'A' <= c && c <= 'F' }
