package lmtp

import (
	"net/netip"
	"strings"

	"github.com/mmgw/mmgw/gateway"
)

// xforwardBytesMax bounds a value of XFORWARD, as Postfix does.
const xforwardBytesMax = 255

// xforward handles Postfix's XFORWARD, with which the peer names its client by NAME, ADDR
// and HELO. It applies to one transaction.
func (g *guard) xforward(arg string) *gateway.Status {
	if g.inTransaction() {
		return status(503, 5, 5, 1, "XFORWARD must come before MAIL")
	}
	client := g.client
	refusal := eachParameter(arg, func(keyword, value string) *gateway.Status {
		text, err := decodeXtext(value)
		if err != nil || text == "" || len(text) > xforwardBytesMax || !isText(text) {
			return badParameter
		}
		if strings.EqualFold(text, "[UNAVAILABLE]") || strings.EqualFold(text, "[TEMPUNAVAIL]") {
			text = ""
		}
		return setClient(&client, keyword, text)
	})
	if refusal != nil {
		return refusal
	}
	g.client = client
	return status(250, 2, 0, 0, "ok")
}

// setClient sets one attribute; "" stands for unknown.
func setClient(client *gateway.Client, keyword, text string) *gateway.Status {
	switch keyword {
	case "NAME":
		client.Name = text
	case "HELO":
		client.Helo = text
	case "ADDR":
		client.Addr = netip.Addr{}
		if text == "" {
			return nil
		}
		if len(text) > 5 && strings.EqualFold(text[:5], "IPV6:") {
			text = text[5:]
		}
		addr, err := netip.ParseAddr(text)
		if err != nil || addr.Zone() != "" {
			return badParameter
		}
		client.Addr = addr.Unmap()
	case "PORT", "PROTO", "IDENT", "SOURCE": // known, but not needed
	default:
		return unknownParameter
	}
	return nil
}
