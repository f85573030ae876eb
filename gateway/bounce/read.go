package bounce

import (
	"errors"
	"fmt"
	"html"
	"io"
	"strings"

	"github.com/mmgw/mmgw/gateway"
)

// ContentBytesMax is how much of a message is read. What names a recipient
// stands in front of the message that is returned.
const ContentBytesMax = 2 << 20

// message is a content that was read and taken apart.
type message struct {
	header gateway.Header
	parts  []part
}

func read(content gateway.Content) (message, error) {
	r, err := content.Open()
	if err != nil {
		return message{}, fmt.Errorf("inspect a bounce: %w", err)
	}
	defer r.Close()
	// A message that is larger than what is read is cut like any other that ends
	// without its last delimiter.
	block := make([]byte, min(content.Size(), ContentBytesMax))
	if _, err := io.ReadFull(r, block); err != nil && !errors.Is(err, io.EOF) {
		return message{}, fmt.Errorf("inspect a bounce: %w", err)
	}
	return walk(strings.TrimLeft(unixLines(string(block)), " \t\n")), nil
}

// unixLines returns text with LF line ends. CRLF and CR CRLF are line ends; a
// lone CR is one where text has no LF at all, else a space, as the gateway
// itself has it on the way in. Files from old systems come in any of these.
func unixLines(text string) string {
	if strings.IndexByte(text, '\r') < 0 {
		return text
	}
	if strings.IndexByte(text, '\n') < 0 {
		return strings.ReplaceAll(text, "\r", "\n")
	}
	var b strings.Builder
	b.Grow(len(text))
	for line := range strings.Lines(text) {
		body, ended := strings.CutSuffix(line, "\n")
		if ended {
			body = strings.TrimRight(body, "\r")
		}
		if strings.IndexByte(body, '\r') >= 0 {
			body = strings.ReplaceAll(body, "\r", " ")
		}
		b.WriteString(body)
		if ended {
			b.WriteByte('\n')
		}
	}
	return b.String()
}

// text is the first text for people that has any, decoded; "" for none. HTML
// counts where there is nothing else.
func (m message) text() string {
	for _, p := range m.parts {
		if p.kind == "text/plain" || p.kind == "" {
			if text := p.readable(); strings.TrimSpace(text) != "" {
				return text
			}
		}
	}
	for _, p := range m.parts {
		if p.kind == "text/html" {
			return untagged(p.readable())
		}
	}
	return ""
}

// lineTags are how the names of the tags begin that stand between lines.
var lineTags = []string{"br", "p", "div", "t", "h", "li"}

// untagged is the text of an HTML page, roughly: tags become spaces or line
// ends, references to the signs of tags become these.
func untagged(page string) string {
	var b strings.Builder
	closes := true // there may be one more end of a tag: what is not found is not looked for again
	for {
		text, rest, found := strings.Cut(page, "<")
		b.WriteString(text)
		if !found {
			break
		}
		tag, behind, _ := strings.Cut(rest, ">")
		switch name := strings.ToLower(tag); {
		case strings.HasPrefix(name, "style"), strings.HasPrefix(name, "script"), strings.HasPrefix(name, "title"):
			if closes {
				at := strings.Index(behind, "</")
				if closes = at >= 0; closes {
					behind = behind[at:]
				}
			}
		case anyOf(lineTags, func(s string) bool { return strings.HasPrefix(strings.TrimPrefix(name, "/"), s) }):
			b.WriteByte('\n')
		}
		page = behind
	}
	return strings.ReplaceAll(html.UnescapeString(b.String()), "\u00a0", " ")
}
