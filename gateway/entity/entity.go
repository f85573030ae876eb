// Package entity takes the body of a message apart into its MIME entities (RFC
// 2045 and 2046), reads them as text, and puts new text in their place.
//
// It takes what strict readers refuse: missing delimiters, broken parameters,
// encodings that end where they should not. Whatever the body, Parse takes time
// and memory in proportion to its length, and so does reading one entity.
// Entities beyond PartsMax are not seen, and one at DepthMax is not looked into.
//
// What is not replaced stays as it is, octet for octet: signatures over other
// parts hold.
package entity

import (
	"strings"

	"github.com/mmgw/mmgw/gateway"
)

// Limits of a message. Honest ones have some ten parts, four deep.
const (
	PartsMax = 1000     // entities, the message itself included
	DepthMax = 50       // of an entity below the message, which has depth 0
	BodyMax  = 32 << 20 // octets of a body, as it comes and as Body gives it, and of an entity that is read
)

// Limits of one entity's header.
const (
	fieldMax      = 16 << 10 // octets of a field that is looked at
	fieldsMax     = gateway.HeaderFieldsMax
	parametersMax = 100
	boundaryMax   = 256  // RFC 2046, section 5.1.1, allows 70
	filenameMax   = 1000 // octets
)

// Entity is the message itself or a part of it. Texts are as the header says,
// cleaned of what cannot be printed; "" stands for none.
type Entity struct {
	Parent      int    // index of the entity around it; -1 for the message
	Depth       int    // entities around it
	Type        string // media type in lower case, text/plain where none is named
	Charset     string // in lower case
	Filename    string // of Content-Disposition, else the name of Content-Type; may have slashes
	Disposition string // in lower case: attachment, inline, ...

	container bool   // entities lie in it
	boundary  string // of a multipart
	encoding  string // in lower case
	value     string // of Content-Type

	start, headerEnd int // of its header in the body of the message
	body, end        int // of what is in it, still encoded
}

// IsText says whether the entity is text without entities in it.
func (e *Entity) IsText() bool { return strings.HasPrefix(e.Type, "text/") && !e.container }

// Message is the entities of a body.
type Message struct {
	Entities []Entity // in the order of their text; the first is the message itself

	text     string
	replaced map[int]replacement
	size     int // of the body with its replacements, at most
}

// Parse takes a body of at most BodyMax octets apart. header is that of the
// message.
func Parse(header gateway.Header, body string) *Message {
	w := &walker{text: body, open: map[string]int{}}
	w.begin(0)
	for _, name := range [...]string{nameType, nameEncoding, nameDisposition} {
		if i := header.Find(name, 0); i >= 0 {
			w.take(string(header[i]))
		}
	}
	w.endHeader(0, 0)
	w.walk()
	return &Message{Entities: w.entities, text: w.text, size: len(body)}
}
