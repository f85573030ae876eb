// Package notice writes the mail that people get from the gateway itself:
// requests to confirm that they join or leave a list, answers to commands, and
// what moderators and owners are told.
//
// It owns the texts, which a site can replace one by one, and the form of the
// messages: RFC 3834 keeps them out of loops, RFC 2045 and 2047 encode what is
// not ASCII. It promises that nothing in a message or an address can add a header
// field or a part, that lines end in CRLF and keep to the limits of RFC 5322, and
// that the same arguments give the same octets. The caller decides who gets a
// notice, and how often.
package notice

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/quotedprintable"
	"net/mail"
	"strings"
	"time"

	"github.com/mmgw/mmgw/gateway"
)

// Notice is one message to a person.
type Notice struct {
	Name      string              // of its text
	From      gateway.ForwardPath // the author, who also gets the replies
	Display   string              // the name beside From, or ""
	To        gateway.ForwardPath
	InReplyTo string // the Message-ID that it answers, with angle brackets, or ""
	Fields    Fields // what the text is filled in with

	// Enclosed is a message to attach, cut at EnclosedMax; nil for none.
	Enclosed gateway.Content
}

// EnclosedMax is how many octets of a message are attached: enough to see what
// it is, too few to fill an owner's mailbox.
const EnclosedMax = 256 << 10

const lineEnd = "\r\n"

// Content returns the notice as a message, with now as its date. messageID has
// its angle brackets. The header is ASCII unless To or From is not: then the
// message needs SMTPUTF8.
func (t *Texts) Content(n Notice, now time.Time, messageID string) (gateway.Content, error) {
	subject, text, err := t.fill(n.Name, n.Fields)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := n.header(&b, subject, now, messageID); err != nil {
		return nil, fmt.Errorf("notice %s: %w", n.Name, err)
	}
	if n.Enclosed == nil {
		writeText(&b, text)
		return gateway.Bytes(b.Bytes()), nil
	}
	return n.enclose(&b, text, messageID)
}

// header writes the fields that every notice has.
func (n *Notice) header(b *bytes.Buffer, subject string, now time.Time, messageID string) error {
	// Parsed again, since the types of addresses are strings.
	from, err := gateway.ParseForwardPath(string(n.From))
	if err != nil {
		return err
	}
	to, err := gateway.ParseForwardPath(string(n.To))
	if err != nil {
		return err
	}
	fields := [][2]string{
		{"From", mailbox(n.Display, from)}, {"To", string(to)}, {"Subject", mime.QEncoding.Encode("utf-8", gateway.Printable(subject))},
		{"Date", now.Format(time.RFC1123Z)}, {"Message-ID", messageID},
		{"Auto-Submitted", "auto-replied"},  // RFC 3834, section 5
		{"Precedence", "bulk"},              // for responders from before that
		{"X-Auto-Response-Suppress", "All"}, // for Exchange
		{"MIME-Version", "1.0"},
	}
	if isMessageID(n.InReplyTo) {
		fields = append(fields, [2]string{"In-Reply-To", n.InReplyTo}, [2]string{"References", n.InReplyTo})
	}
	for _, f := range fields {
		field, err := gateway.NewField(f[0], f[1])
		if err != nil {
			return err
		}
		b.WriteString(string(field))
	}
	return nil
}

func mailbox(display string, path gateway.ForwardPath) string {
	if display == "" {
		return string(path)
	}
	if !path.IsASCII() {
		return mime.QEncoding.Encode("utf-8", gateway.Printable(display)) + " " + path.String()
	}
	return (&mail.Address{Name: gateway.Printable(display), Address: string(path)}).String()
}

// messageIDMax keeps a References field within a line.
const messageIDMax = 900

// isMessageID says whether s can stand in a field of ids: one pair of angle
// brackets, printable ASCII without space between them.
func isMessageID(s string) bool {
	return len(s) > 3 && len(s) <= messageIDMax && s[0] == '<' && strings.IndexByte(s, '>') == len(s)-1 &&
		strings.IndexFunc(s, func(c rune) bool { return c <= ' ' || c > '~' }) < 0
}

// writeText writes the fields of a text entity, and the text.
func writeText(b *bytes.Buffer, text string) {
	b.WriteString("Content-Type: text/plain; charset=utf-8" + lineEnd +
		"Content-Transfer-Encoding: quoted-printable" + lineEnd + lineEnd)
	w := quotedprintable.NewWriter(b)
	io.WriteString(w, strings.ReplaceAll(text, "\n", lineEnd)) // to memory, which does not fail
	w.Close()
}

// enclose writes a text and attaches the message (RFC 2046, section 5.2.1).
func (n *Notice) enclose(b *bytes.Buffer, text, messageID string) (gateway.Content, error) {
	enclosed, err := readSome(n.Enclosed)
	if err != nil {
		return nil, fmt.Errorf("notice %s: read the message to attach: %w", n.Name, err)
	}
	boundary := boundaryOf(messageID, enclosed)
	encoding := "7bit"
	for _, c := range enclosed {
		if c >= 0x80 {
			encoding = "8bit"
		}
	}
	fmt.Fprintf(b, "Content-Type: multipart/mixed; boundary=\"%s\"%s%s--%s%s", boundary, lineEnd, lineEnd, boundary, lineEnd)
	writeText(b, text)
	fmt.Fprintf(b, "%s--%s%sContent-Type: message/rfc822%sContent-Disposition: inline%sContent-Transfer-Encoding: %s%s%s",
		lineEnd, boundary, lineEnd, lineEnd, lineEnd, encoding, lineEnd, lineEnd)
	b.Write(enclosed)
	fmt.Fprintf(b, "%s--%s--%s", lineEnd, boundary, lineEnd)
	return gateway.Bytes(b.Bytes()), nil
}

// boundaryOf returns a boundary that occurs neither in a quoted-printable text
// (RFC 2045, section 6.7) nor in the enclosed message, which cannot contain its
// own digest. The Message-ID alone would not do: it follows the clock, and an
// author could guess it.
func boundaryOf(messageID string, enclosed []byte) string {
	digest := sha256.Sum256(append([]byte(messageID), enclosed...))
	return "=_" + hex.EncodeToString(digest[:16])
}

// readSome reads at most EnclosedMax octets, cut at the end of a line.
func readSome(content gateway.Content) ([]byte, error) {
	r, err := content.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	octets := make([]byte, min(content.Size(), EnclosedMax))
	if _, err := io.ReadFull(r, octets); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if content.Size() > EnclosedMax {
		if i := bytes.LastIndexByte(octets, '\n'); i >= 0 {
			octets = octets[:i+1]
		}
	}
	return octets, nil
}
