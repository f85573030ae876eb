package dsn

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/mmgw/mmgw/gateway"
)

const lineEnd = "\r\n"

// part is one part of the multipart/report (RFC 6522, section 3).
type part struct {
	kind        string // media type
	description string
	encoding    string // of body; "" is 7bit or 8bit, by what it has
	body        []byte
}

// write adds the part, after its delimiter.
func (p part) write(b *strings.Builder, boundary string) {
	encoding := cmp.Or(p.encoding, "7bit")
	if !gateway.IsASCII(p.body) {
		encoding = "8bit"
	}
	b.WriteString("--" + boundary + lineEnd)
	b.WriteString("Content-Type: " + p.kind + lineEnd)
	b.WriteString("Content-Description: " + p.description + lineEnd)
	b.WriteString("Content-Transfer-Encoding: " + encoding + lineEnd + lineEnd)
	b.Write(p.body)
	b.WriteString(lineEnd)
}

// assemble joins header and parts into the message.
func (r Report) assemble(parts []part, header string) (gateway.Content, error) {
	boundary, err := r.boundary(parts)
	if err != nil {
		return nil, err
	}
	encoding := "7bit"
	var body strings.Builder
	for _, p := range parts {
		p.write(&body, boundary)
		if !gateway.IsASCII(p.body) {
			encoding = "8bit"
		}
	}
	return gateway.Bytes(header +
		"MIME-Version: 1.0" + lineEnd +
		"Content-Type: multipart/report; report-type=delivery-status;" + lineEnd +
		"\tboundary=\"" + boundary + "\"" + lineEnd +
		"Content-Transfer-Encoding: " + encoding + lineEnd +
		lineEnd +
		"This is a delivery status notification in MIME format (RFC 3464)." + lineEnd +
		lineEnd +
		body.String() +
		"--" + boundary + "--" + lineEnd), nil
}

const (
	boundaryDigits  = 6      // of the counter: all boundaries have one length, so that none begins with another
	boundariesTried = 1e6    // all numbers of six digits
	boundaryMark    = "=_"   // cannot occur in quoted-printable or base64 text (RFC 2045, section 6.7)
	boundaryFormat  = "%06d" // prints boundaryDigits
)

// boundary makes a boundary of the queue ID and the first number with which no part
// contains it. It searches each part once for all numbers that occur.
func (r Report) boundary(parts []part) (string, error) {
	stem := boundaryMark + r.QueueID.String() + "-"
	taken := map[string]bool{}
	for _, p := range parts {
		for rest := string(p.body); ; {
			_, after, found := strings.Cut(rest, stem)
			if !found {
				break
			}
			taken[after[:min(boundaryDigits, len(after))]] = true
			rest = after
		}
	}
	for n := range int(boundariesTried) {
		if digits := fmt.Sprintf(boundaryFormat, n); !taken[digits] {
			return stem + digits, nil
		}
	}
	return "", fmt.Errorf("the message %s contains every boundary", r.QueueID)
}
