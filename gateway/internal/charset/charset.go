// Package charset reads text of mail, whatever charset it is in. Charsets are
// those of the WHATWG, by all the names that they have there.
package charset

import (
	"errors"
	"io"
	"mime"
	"net/mail"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/transform"
)

// shortBytes is what is decoded without the 40 KiB of buffers that a stream takes: a
// header can have thousands of encoded words.
const shortBytes = 4 << 10

// ToUTF8 reads octets of a charset, and gives at most so many octets of UTF-8.
// Octets of a charset that nobody knows, or that is not named, are ISO-2022-JP if
// they have its escapes, UTF-8 if they can be, and else Windows-1252, which most of
// such are.
func ToUTF8(charset, octets string, octetsMax int64) string {
	known, err := htmlindex.Get(charset)
	if ascii := strings.ToLower(charset); ascii == "" || ascii == "us-ascii" || ascii == "ascii" || err != nil || known == encoding.Replacement {
		switch {
		case strings.Contains(octets, "\x1b$"):
			known = japanese.ISO2022JP
		case utf8.ValidString(octets):
			return octets
		default:
			known = charmap.Windows1252
		}
	}
	if name, err := htmlindex.Name(known); err == nil && name == "utf-8" {
		return strings.ToValidUTF8(octets, "\uFFFD")
	}
	if len(octets) <= shortBytes {
		if text, err := known.NewDecoder().String(octets); err == nil {
			return strings.ToValidUTF8(text[:min(int64(len(text)), octetsMax)], "")
		}
	}
	r := transform.NewReader(strings.NewReader(octets), known.NewDecoder())
	var b strings.Builder
	io.Copy(&b, io.LimitReader(r, octetsMax)) // what cannot be read comes as U+FFFD
	return strings.ToValidUTF8(b.String(), "")
}

// Words reads the encoded words of a field (RFC 2047). One that is broken comes
// as it is.
func Words(field string) string {
	if text, err := decoder(field).DecodeHeader(field); err == nil {
		return text
	}
	return field
}

// Addresses reads a field of addresses, as the parser of the standard library does. But
// their names may be encoded words of any charset, not of three, or octets of none, and a
// local part that has to have quotes keeps them.
func Addresses(field string) ([]*mail.Address, error) {
	parser := mail.AddressParser{WordDecoder: decoder(field)}
	all, err := parser.ParseList(strings.ToValidUTF8(field, unknown))
	for _, a := range all {
		if strings.Contains(a.Address, unknown) {
			return nil, errNotUTF8
		}
		bare := (&mail.Address{Address: a.Address}).String()
		a.Address = bare[len("<") : len(bare)-len(">")]
	}
	return all, err
}

// unknown stands for octets that cannot be read.
const unknown = string(utf8.RuneError)

var errNotUTF8 = errors.New("an address is not UTF-8")

// decoder reads encoded words of a field in any charset.
func decoder(field string) *mime.WordDecoder {
	return &mime.WordDecoder{CharsetReader: func(charset string, r io.Reader) (io.Reader, error) {
		b, err := io.ReadAll(r)
		return strings.NewReader(ToUTF8(charset, string(b), int64(4*len(field)))), err
	}}
}
