// Package entity splits the body of a message into its MIME entities (RFC 2045 and 2046),
// reads them as text, and replaces them by new text.
//
// It accepts what strict readers refuse: missing delimiters, broken parameters, encodings
// that end early. For any body, Parse takes time and memory in proportion to its length,
// and so does reading one entity. It ignores entities beyond PartsMax, and does not look
// into one at DepthMax.
//
// What is not replaced keeps every octet, so that signatures of other parts stay valid.
package entity

import (
	"strings"

	"github.com/mmgw/mmgw/gateway"
)

// Limits of a message. Honest ones have some ten parts, four deep.
const (
	PartsMax = 1000     // entities, including the message itself
	DepthMax = 50       // of an entity below the message, which has depth 0
	BodyMax  = 32 << 20 // octets of a body, before and after replacements, and of an entity that is read
)

// Limits of one entity's header.
const (
	fieldMax      = 16 << 10 // octets of a field that are read
	fieldsMax     = gateway.HeaderFieldsMax
	parametersMax = 100
	boundaryMax   = 256  // RFC 2046, section 5.1.1, allows 70
	filenameMax   = 1000 // octets
)

// Entity is the message itself or a part of it. Its texts come from its header; what
// cannot be printed has been replaced, and "" stands for none.
type Entity struct {
	Parent      int    // index of the entity around it; -1 for the message
	Depth       int    // number of entities around it
	Type        string // media type in lower case; text/plain if the header has none
	Charset     string // in lower case
	Filename    string // of Content-Disposition, or the name of Content-Type; may have slashes
	Disposition string // in lower case: attachment, inline, ...

	container bool   // it consists of entities
	boundary  string // of a multipart
	encoding  string // in lower case
	value     string // of Content-Type

	start, headerEnd int // offsets of its header in the body of the message
	body, end        int // offsets of its content, still encoded
}

// IsText says whether the entity is text and does not consist of entities.
func (e *Entity) IsText() bool { return strings.HasPrefix(e.Type, "text/") && !e.container }

// Message is a body as a tree of entities.
type Message struct {
	Entities []Entity // in the order in which they begin; the first is the message itself

	text     string
	replaced map[int]replacement
	size     int // upper bound of the body with its replacements, in octets
}

// Parse reads a body of at most BodyMax octets. header is that of the message.
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
