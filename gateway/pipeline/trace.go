package pipeline

import (
	"fmt"
	"strings"
	"time"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/authres"
)

// hopsMax is how many Received fields a message may have: with more it is in a
// loop (RFC 5321, section 6.3, asks for at least 100).
const hopsMax = 100

var errLoop = &gateway.Status{Code: 554, Enhanced: gateway.EnhancedCode{5, 4, 6}, Text: "the message is in a loop"}

// isLoop says whether mail to a list's address has been through it before: it
// was delivered to that address, by our own field or that of another program, or
// is a post with the list's own List-Id (RFC 2919).
func isLoop(header gateway.Header, service gateway.Service, list *gateway.List, address gateway.ForwardPath) bool {
	for _, field := range header {
		switch {
		case service == gateway.Post && field.Is("List-Id"):
			value := strings.ToLower(strings.Join(strings.Fields(field.Value()), ""))
			if strings.HasSuffix(value, "<"+string(list.ID)+">") || value == string(list.ID) {
				return true
			}
		case field.Is("Delivered-To"), field.Is("X-Loop"):
			if strings.EqualFold(strings.Trim(field.Value(), "<>"), string(address)) {
				return true
			}
		}
	}
	return false
}

// deliveredTo marks what is sent on for an address of ours, for isLoop. Unlike
// a List-Id it stays when the next list makes the mail its own, so that lists
// that are members of each other end it. In UTF-8 it would keep the copies
// from hosts that do not take that.
func deliveredTo(address gateway.ForwardPath) []gateway.Edit {
	if !address.IsASCII() {
		return nil
	}
	return []gateway.Edit{{Op: gateway.InsertField, Name: "Delivered-To", Value: string(address)}}
}

// Room that a header must leave to our own fields and to those of handlers: a
// post without it would be accepted, and then fail at its list for days.
const (
	ownFieldsMax     = 50
	ownFieldBytesMax = 16 << 10
)

// leavesRoom says whether handlers can add fields to a header.
func leavesRoom(header gateway.Header) bool {
	size := 0
	for _, field := range header {
		size += len(field)
	}
	return len(header) <= gateway.HeaderFieldsMax-ownFieldsMax && size <= gateway.HeaderBytesMax-ownFieldBytesMax
}

// traceEdits are the gateway's own edits of a message, ahead of all handlers:
// the trace fields of RFC 5321, section 4.4, our Authentication-Results above
// them (RFC 8601, section 5), forged ones and Return-Path out, and Date and
// Message-ID where they are missing (RFC 6409, section 8, allows both). The
// first line of an mbox goes: below a field it would end the header.
func (in *Intake) traceEdits(m *gateway.Message, header gateway.Header, auth gateway.AuthResults) []gateway.Edit {
	var edits []gateway.Edit
	kept := len(header)
	for i := len(header) - 1; i >= 0; i-- {
		if header[i].Is("Return-Path") || i == 0 && header[i].Name() == "" || authres.IsForged(header[i], in.Site.AuthservID) {
			edits = append(edits, gateway.Edit{Op: gateway.DeleteField, Index: i, Name: header[i].Name()})
			kept--
		}
	}
	add := func(at int, name, value string) {
		edits = append(edits, gateway.Edit{Op: gateway.InsertField, Index: at, Name: name, Value: value})
		kept++
	}
	if header.Find("Date", 0) < 0 {
		add(kept, "Date", m.Received.Format(time.RFC1123Z))
	}
	if header.Find("Message-ID", 0) < 0 {
		add(kept, "Message-ID", fmt.Sprintf("<%s@%s>", m.ID, in.Site.Hostname))
	}
	add(0, "Received", in.received(m))
	add(0, authres.FieldName, authres.Format(in.Site.AuthservID, auth, m.Envelope.ReversePath))
	return edits
}

// received is the value of our Received field. It names no recipient where
// there are several: they need not know of each other.
func (in *Intake) received(m *gateway.Message) string {
	from := m.Client.Peer
	if from == "" {
		from = "unknown"
	}
	via := "LMTP"
	if m.Envelope.SMTPUTF8 {
		via = "UTF8LMTP"
	}
	value := "from " + gateway.Printable(from) + " by " + in.Site.Hostname + " (mmgw) with " + via + " id " + m.ID.String()
	if len(m.Envelope.Recipients) == 1 && m.Envelope.Recipients[0].Path.IsASCII() {
		value += " for " + m.Envelope.Recipients[0].Path.String()
	}
	return value + "; " + m.Received.Format(time.RFC1123Z)
}
