package dsn

import (
	"bytes"
	"io"
	"mime/quotedprintable"
	"strings"

	"github.com/mmgw/mmgw/gateway"
)

// lineBytes is the length of lines of the text for people, within the 78 characters that
// RFC 5322, section 2.1.1, advises.
const lineBytes = 76

// subject says the worst news of the report.
func (r Report) subject() string {
	switch {
	case r.Double:
		return "A message that has no sender could not be delivered"
	case r.has(Failed):
		return "Your message could not be delivered"
	case r.has(Delayed):
		return "Your message is delayed, and still being tried"
	}
	return "Delivery report for your message"
}

// sections are the sections of the text for people, the most important first.
var sections = []struct {
	action Action
	intro  string
}{
	{Failed, "Your message could not be delivered to the addresses below. It will not be tried again for them."},
	{Delayed, "Your message has not reached the addresses below yet. It is still being tried; you need not send it again."},
	{Relayed, "Your message was sent on for the addresses below, to a mail server that will not report whether it is delivered."},
	{Expanded, "Your message was sent on to the people behind the addresses below. Whether their copies are delivered is not reported to you."},
	{Delivered, "Your message was delivered to the addresses below."},
}

// textPart is the report for people.
func (r Report) textPart() part {
	var b strings.Builder
	wrap(&b, "", "This is the mail system at "+r.ReportingMTA+".")
	for _, s := range sections {
		intro := s.intro
		if r.Double {
			intro = "A report, or another message that must not be answered, could not be delivered to the addresses below. You get this notice as the owner of this mail system."
		}
		for _, one := range r.Recipients {
			if one.Action != s.action {
				continue
			}
			if intro != "" {
				b.WriteString(lineEnd)
				wrap(&b, "", intro)
				intro = ""
			}
			b.WriteString(lineEnd)
			one.writeText(&b)
		}
	}
	b.WriteString(lineEnd)
	wrap(&b, "", "If you ask the people who run this mail system for help, please mention the message "+r.QueueID.String()+".")
	return plainText(b.String())
}

// plainText is a text as a part in ASCII, whatever a remote host has said: a next hop
// without 8BITMIME would not take the report.
func plainText(text string) part {
	p := part{kind: "text/plain; charset=us-ascii", description: "Notification", body: []byte(text)}
	if !gateway.IsASCII(text) {
		var b bytes.Buffer
		w := quotedprintable.NewWriter(&b)
		io.WriteString(w, text) // to memory, which does not fail
		w.Close()
		p.kind, p.encoding, p.body = "text/plain; charset=utf-8", "quoted-printable", b.Bytes()
	}
	return p
}

// writeText writes about one recipient: the address and, unless it is a success, the
// reply, whose it is, and what the reader can do.
func (r Recipient) writeText(b *strings.Builder) {
	wrap(b, "  ", r.Path.String())
	if r.Action == Failed || r.Action == Delayed {
		said := "This mail system says:"
		if r.RemoteMTA != "" {
			said = "The mail server " + gateway.Printable(r.RemoteMTA) + " said:"
		}
		wrap(b, "    ", said)
		wrap(b, "      ", r.status().Reply())
		wrap(b, "    ", r.advice())
	}
	if r.Action == Delayed && !r.RetryUntil.IsZero() {
		wrap(b, "    ", "It will be tried until "+r.RetryUntil.Format(dateForm)+"; if it fails you will be told then.")
	}
}

// advice says what a person can do, by the subject and detail of the enhanced status code
// (RFC 3463, section 3). It says no more than the code does: a refusal by a rule does not
// mean that the address is wrong.
func (r Recipient) advice() string {
	code := r.status().Detail()
	switch {
	case r.Action == Delayed:
		return "You do not have to do anything."
	case code[1] == 1 && (code[2] == 7 || code[2] == 8):
		return "Your own address was not accepted there. Ask the people who run your mail system."
	case code[1] == 1:
		return "There is no such address. Check the spelling, or ask for the current one in some other way."
	case code[1] == 2 && code[2] == 2:
		return "The mailbox is full. Try again when its owner has had time to make room."
	case code[1] == 2 && code[2] == 3, code[1] == 3 && code[2] == 4:
		return "The message is too large. Send a smaller one, or a link instead of the attachment."
	case code[1] == 2:
		return "The mailbox does not accept mail at present. Ask its owner in some other way."
	case code[1] == 4:
		return "Its mail server could not be reached. Check what follows the @, or try again later."
	case code[1] == 6 && code[2] == 7:
		return "Its mail server does not accept addresses with such letters. Ask for an address in plain letters."
	case code[1] == 6:
		return "The message has a form that is not accepted there. Try to send it as plain text."
	case code[1] == 7:
		return "The message was refused by a rule there. The address may well exist; the reply above gives the reason."
	case code[0] == 4:
		return "It was tried for as long as this mail system tries. Send it again later."
	}
	return "The reply above gives the reason."
}

// wrap writes text indented and broken at spaces. A longer word stays whole; none has
// more than the 480 octets of gateway.Printable. All text goes through here, so that the
// words of a remote host are always indented and cannot pass for ours.
func wrap(b *strings.Builder, indent, text string) {
	used := 0
	for word := range strings.FieldsSeq(text) {
		if used > 0 && used+1+len(word) > lineBytes {
			b.WriteString(lineEnd)
			used = 0
		}
		if used == 0 {
			b.WriteString(indent)
			used = len(indent)
		} else {
			b.WriteByte(' ')
			used++
		}
		b.WriteString(word)
		used += len(word)
	}
	b.WriteString(lineEnd)
}
