package gateway

import (
	"bytes"
	"io"
)

// Content is the header and the body of a message, with CRLF line ends, as
// they came. It does not change once it is accepted, and any number of
// readers may be open at a time.
type Content interface {
	Open() (ContentReader, error)
	Size() int64 // octets
}

// ContentReader is one open reader of a Content. ReadAt does not move Read.
type ContentReader interface {
	io.Reader
	io.ReaderAt
	io.Closer
}

// ContentWriter takes up a content that is not accepted yet. It is used by one
// goroutine and ends with either Content or Discard.
type ContentWriter interface {
	io.Writer
	Content() (Content, error) // what was written; no Write follows
	Discard()                  // gives it up; harmless once the message was accepted
}

// Bytes is a Content in memory.
type Bytes []byte

// Open never fails.
func (b Bytes) Open() (ContentReader, error) { return bytesReader{bytes.NewReader(b)}, nil }

// Size is the number of octets.
func (b Bytes) Size() int64 { return int64(len(b)) }

type bytesReader struct{ *bytes.Reader }

func (bytesReader) Close() error { return nil }
