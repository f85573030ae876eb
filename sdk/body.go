package sdk

import (
	"io"

	"github.com/mmgw/mmgw/sdk/internal/abi"
)

// BodySize is the length of the body in octets.
func (m *Message) BodySize() int64 { return max(0, abi.BodySize()) }

// ReadBody copies the body from offset off into p, and returns how many octets it
// copied: 0 at the end.
func (m *Message) ReadBody(p []byte, off int64) (int, error) {
	n := abi.BodyRead(off, p)
	return max(0, int(n)), check(n)
}

// Body returns a reader of the body.
func (m *Message) Body() *Body { return &Body{} }

// Body reads the body of the message piece by piece, so that it need not fit into the
// module's memory. Comparing with io.EOF makes a TinyGo module 10 kB larger; ReadBody
// does without that.
type Body struct{ off int64 }

// Read implements io.Reader.
func (b *Body) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	n := abi.BodyRead(b.off, p)
	switch {
	case n < 0:
		return 0, Refusal(n)
	case n == 0:
		return 0, io.EOF
	}
	b.off += int64(n)
	return int(n), nil
}

// ReplaceBody replaces the body by text, whose lines should end in CRLF.
func (m *Message) ReplaceBody(text []byte) error {
	w, err := m.NewBody()
	if err != nil {
		return err
	}
	_, err = w.Write(text)
	return err
}

// NewBody begins a new body, which replaces the old one when the handler
// returns nil. A later NewBody starts over.
func (m *Message) NewBody() (*BodyWriter, error) {
	if err := check(abi.BodyBegin()); err != nil {
		return nil, err
	}
	return &BodyWriter{}, nil
}

// BodyWriter writes a new body.
type BodyWriter struct{}

// Write implements io.Writer.
func (*BodyWriter) Write(p []byte) (int, error) {
	if err := check(abi.BodyWrite(p)); err != nil {
		return 0, err
	}
	return len(p), nil
}
