package main

import (
	"strings"

	"github.com/mmgw/mmgw/sdk"
)

// textBytesMax bounds the text of a part: some copies of it have to fit into the
// memory that a module has unless the configuration says otherwise.
const textBytesMax = 1 << 20

// text is what a part says.
type text struct {
	string
	isHTML bool
	isSure bool // what the part says is known for sure, to the last letter
}

func read(p sdk.Part) (text, error) {
	if p.Size() > textBytesMax {
		return text{}, nil
	}
	s, err := p.Text()
	return text{s, p.Type() == "text/html", isSure(p.Charset(), s)}, err
}

// closed says whether a text has to stay as it is.
func (t text) closed() bool {
	const armor = "-----BEGIN PGP "
	return !t.isSure || strings.HasPrefix(t.string, armor) || strings.Contains(t.string, "\n"+armor)
}

// put gives a part its text with the footer, if that is not there yet.
func (t text) put(p sdk.Part, footer string) error {
	var err error
	switch {
	case t.isHTML:
		if block := toHTML(footer); !strings.Contains(t.string, block) {
			err = p.Replace(beforeEnd(t.string, block))
		}
	case !endsWith(t.string, footer):
		err = p.Replace(below(t.string, footer))
	}
	// A comparison of err itself would make the module 13 kB larger.
	if refusal, _ := err.(sdk.Refusal); refusal == sdk.ErrLimit {
		return nil // the message would become too large: better no footer than no post
	}
	return err
}

// below puts the footer under a text, behind an empty line, which ends a
// paragraph of format=flowed (RFC 3676) as well.
func below(s, footer string) string {
	if s = strings.TrimRight(s, "\r\n"); s != "" {
		s += "\r\n\r\n"
	}
	return s + footer + "\r\n"
}

// endsWith says whether the last lines of s are those of the footer. Quote
// marks, empty lines and the space around lines do not count.
func endsWith(s, footer string) bool {
	for {
		var want, got string
		if footer, want = lastLine(footer); want == "" {
			return true
		}
		if s, got = lastLine(s); got != want {
			return false
		}
	}
}

// lastLine cuts the last line that says something off, "" if there is none.
func lastLine(s string) (rest, line string) {
	s = strings.TrimRight(s, "> \t\r\n")
	at := strings.LastIndexByte(s, '\n') + 1
	return s[:at], strings.TrimLeft(s[at:], "> \t")
}

// beforeEnd puts a block at the end of what an HTML document shows. Both end
// tags of the body may be missing (HTML, section 13.1.2.4).
func beforeEnd(html, block string) string {
	at := len(html)
	for i := len(html) - len("</body"); i >= 0; i-- {
		if html[i] == '<' && isBodyEnd(html[i:]) {
			at = i
			break
		}
	}
	return html[:at] + block + "\r\n" + html[at:]
}

func isBodyEnd(s string) bool {
	const tag = "</body"
	for i := range len(tag) {
		c := s[i]
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		if c != tag[i] {
			return false
		}
	}
	return true
}

// toHTML is the footer as a paragraph. It is one line: mail programs that quote
// it leave it whole.
func toHTML(footer string) string {
	var b strings.Builder
	b.WriteString("<p>")
	for i := range len(footer) {
		switch c := footer[i]; c {
		case '&':
			b.WriteString("&amp;")
		case '<':
			b.WriteString("&lt;")
		case '>':
			b.WriteString("&gt;")
		case '\n':
			b.WriteString("<br>")
		case '\r':
		default:
			b.WriteByte(c)
		}
	}
	b.WriteString("</p>")
	return b.String()
}
