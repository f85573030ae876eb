package dsn

import (
	"strings"
	"time"

	"github.com/mmgw/mmgw/gateway"
)

// dateForm is date-time of RFC 5322, section 3.3.
const dateForm = "Mon, 02 Jan 2006 15:04:05 -0700"

// fields collects header or report fields.
type fields struct {
	strings.Builder
	ascii bool // other characters become "?"
}

// add writes one field, unless its value is empty. It makes the value printable, so that
// NewField does not refuse it.
func (f *fields) add(name, value string) {
	value = printable(value)
	if f.ascii {
		value = asciiOnly(value)
	}
	if value == "" {
		return
	}
	if field, err := gateway.NewField(name, value); err == nil {
		f.WriteString(string(field))
	}
}

// addTime writes a date field, unless the time is zero.
func (f *fields) addTime(name string, t time.Time) {
	if !t.IsZero() {
		f.add(name, t.Format(dateForm))
	}
}

// printable is gateway.Printable without its limit for text that is plain ASCII: the
// addresses and IDs of reports, which are checked or limited elsewhere, may be longer
// than a log line.
func printable(s string) string {
	if isWord(strings.ReplaceAll(s, " ", "")) {
		return s
	}
	return gateway.Printable(s)
}

// asciiOnly keeps the report of RFC 3464 in ASCII if a remote host has answered in other
// letters. The text for people has the answer as it was.
func asciiOnly(s string) string {
	return strings.Map(func(c rune) rune {
		if c > '~' {
			return '?'
		}
		return c
	}, s)
}

// header is the report's own header, without MIME fields. Its fields are those
// of RFC 3834, section 3.1, and RFC 3464, section 2.
func (r Report) header(now time.Time, messageID, original string) string {
	var h fields
	h.add("From", "Mail Delivery System <"+string(r.From)+">")
	h.add("To", "<"+string(r.To)+">")
	h.add("Subject", r.subject())
	h.addTime("Date", now)
	h.add("Message-ID", messageID)
	if isMessageID(original) {
		h.add("In-Reply-To", original)
		h.add("References", original)
	}
	h.add("Auto-Submitted", "auto-replied")
	return h.String()
}

// statusPart is the report for machines (RFC 3464, section 2.1): one group of
// fields for the message, and one for each recipient.
func (r Report) statusPart() part {
	f := fields{ascii: !r.needsUTF8()}
	f.add("Reporting-MTA", "dns; "+r.ReportingMTA)
	// An ENVID comes from the client. One that RFC 3461 does not allow is left out,
	// since a shortened one would mean nothing to the client.
	if envelopeID := r.EnvelopeID; len(envelopeID) <= envelopeIDBytesMax && isWord(strings.ReplaceAll(envelopeID, " ", "")) {
		f.add("Original-Envelope-Id", envelopeID)
	}
	f.add("X-Mmgw-Queue-Id", r.QueueID.String())
	f.addTime("Arrival-Date", r.Arrival)
	for _, one := range r.Recipients {
		f.WriteString(lineEnd)
		one.writeFields(&f)
	}
	kind := "message/delivery-status"
	if !f.ascii {
		kind = "message/global-delivery-status"
	}
	return part{kind: kind, description: "Delivery report", body: []byte(f.String())}
}

// envelopeIDBytesMax is the longest ENVID that RFC 3461, section 5.4, allows.
const envelopeIDBytesMax = 100

// writeFields writes the group of fields of one recipient (RFC 3464, section 2.3).
func (r Recipient) writeFields(f *fields) {
	f.add("Original-Recipient", originalRecipient(r.Original))
	f.add("Final-Recipient", addressType(r.Path.IsASCII())+"; "+string(r.Path))
	f.add("Action", string(r.Action))
	f.add("Status", r.status().Detail().String())
	if isHost(r.RemoteMTA) {
		f.add("Remote-MTA", "dns; "+r.RemoteMTA)
	}
	f.add("Diagnostic-Code", r.diagnostic())
	f.addTime("Last-Attempt-Date", r.LastAttempt)
	if r.Action == Delayed {
		f.addTime("Will-Retry-Until", r.RetryUntil)
	}
}

// diagnostic is the reply of the remote host or, with a type of our own, what we found
// ourselves: by RFC 3464, section 2.3.6, the type smtp is for replies as they came.
func (r Recipient) diagnostic() string {
	if r.RemoteMTA == "" {
		return "x-mmgw; " + r.status().Reply()
	}
	return "smtp; " + r.status().Reply()
}

// addressType is the registered type of an address: rfc822 (RFC 3464, section 2.1.2) or
// utf-8 (RFC 6533, section 3).
func addressType(ascii bool) string {
	if ascii {
		return "rfc822"
	}
	return "utf-8"
}

// needsUTF8 says whether an address in the report is not ASCII. Addresses are never
// changed to fit: with such a one the whole report has the form of RFC 6533, section 5.
func (r Report) needsUTF8() bool {
	for _, one := range r.Recipients {
		if !one.Path.IsASCII() || asciiOnly(originalRecipient(one.Original)) != originalRecipient(one.Original) {
			return true
		}
	}
	return false
}
