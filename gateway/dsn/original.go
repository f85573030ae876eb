package dsn

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/mmgw/mmgw/gateway"
)

const (
	// OriginalBytesMax is the largest message that is returned whole, and how much of a
	// header is returned. A report may go to somebody who never sent the message, and
	// must not become a way to send them things.
	OriginalBytesMax = 64 << 10

	lineBytesMax = 998 // RFC 5322, section 2.1.1
)

// returnedPart is the third part of a report; its body is nil if there is none.
type returnedPart struct {
	part
	messageID string // of the original, untrusted
}

// returned makes the third part of a report from content: the whole message if full is
// true and its size and lines allow that, otherwise its header.
func returned(content gateway.Content, full bool) (returnedPart, error) {
	if content == nil {
		return returnedPart{}, nil
	}
	block, err := firstOctets(content, OriginalBytesMax)
	if err != nil {
		return returnedPart{}, err
	}
	// What the spool holds has CRLF line ends, but this package does not rely on it.
	text := crlf(block)
	header := headerOf(text)
	p := returnedPart{messageID: messageIDOf(header)}
	global := !gateway.IsASCII(header) && utf8.Valid(header)
	if full && content.Size() <= OriginalBytesMax && bytes.Equal(withinLines(text), text) {
		p.part = part{kind: mediaType(global, "message/global", "message/rfc822"), description: "Your message", body: text}
		return p, nil
	}
	p.part = part{
		kind:        mediaType(global, "message/global-headers", "text/rfc822-headers"),
		description: "Header of your message",
		body:        withinLines(header),
	}
	return p, nil
}

// mediaType is the media type of RFC 6533 if the returned header has UTF-8, and otherwise
// the classic one, also for octets that are not UTF-8.
func mediaType(global bool, inUTF8, classic string) string {
	if global {
		return inUTF8
	}
	return classic
}

// firstOctets reads at most n octets of content.
func firstOctets(content gateway.Content, n int64) ([]byte, error) {
	r, err := content.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	block := make([]byte, min(content.Size(), n))
	if _, err := io.ReadFull(r, block); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return block, nil
}

// crlf returns text with CRLF line ends, also after the last line. Stray CRs and NULs
// become spaces.
func crlf(text []byte) []byte {
	out := make([]byte, 0, len(text)+len(text)/32+2)
	for i, c := range text {
		switch {
		case c == '\n':
			out = append(out, lineEnd...)
		case c == '\r' && i+1 < len(text) && text[i+1] == '\n':
		case c == '\r', c == 0:
			out = append(out, ' ')
		default:
			out = append(out, c)
		}
	}
	if len(out) > 0 && !bytes.HasSuffix(out, []byte(lineEnd)) {
		out = append(out, lineEnd...)
	}
	return out
}

// headerOf is the part of text before its first empty line.
func headerOf(text []byte) []byte {
	if bytes.HasPrefix(text, []byte(lineEnd)) {
		return text[:0]
	}
	if end := bytes.Index(text, []byte(lineEnd+lineEnd)); end >= 0 {
		return text[:end+len(lineEnd)]
	}
	return text
}

// withinLines is text without the lines that are longer than RFC 5322 allows, which MTAs
// may refuse.
func withinLines(text []byte) []byte {
	kept := make([]byte, 0, len(text))
	for line := range bytes.Lines(text) {
		if len(line) <= lineBytesMax+len(lineEnd) {
			kept = append(kept, line...)
		}
	}
	return kept
}

// messageIDOf is the Message-ID of a header, unfolded, or "".
func messageIDOf(header []byte) string {
	var field strings.Builder
	for line := range bytes.Lines(header) {
		switch folded := line[0] == ' ' || line[0] == '\t'; {
		case field.Len() == 0 && gateway.Field(line).Is("Message-ID"), field.Len() > 0 && folded:
			field.Write(line)
		case field.Len() > 0:
			return gateway.Field(field.String()).Value()
		}
	}
	return gateway.Field(field.String()).Value()
}
