package gateway

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
)

// Draft is a message as edits left it: its header in memory, its body still
// where the content is. It is used by one goroutine.
type Draft struct {
	Header Header

	body      Content // the whole content, or the new body
	bodyStart int64
}

// OpenDraft reads the header of content and applies edits to it. Content whose
// header block exceeds the limits is ErrHeaderTooLarge.
func OpenDraft(content Content, edits ...Edit) (*Draft, error) {
	r, err := content.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	header, bodyStart, err := readHeader(r, content.Size())
	if err != nil {
		return nil, err
	}
	d := &Draft{Header: header, body: content, bodyStart: bodyStart}
	return d, d.Apply(edits...)
}

// headerBytesUsual is what most headers fit into.
const headerBytesUsual = 8 << 10

// headerBlocks are what headers are read through: what a Header keeps it copies.
var headerBlocks = sync.Pool{New: func() any { return new([headerBytesUsual]byte) }}

// readHeader returns the header of a content, and where its body starts.
func readHeader(r io.ReaderAt, size int64) (header Header, bodyStart int64, err error) {
	usual := headerBlocks.Get().(*[headerBytesUsual]byte)
	defer headerBlocks.Put(usual)
	block := usual[:min(headerBytesUsual, size)]
	for ; ; block = make([]byte, min(4*int64(len(block)), size, HeaderBytesMax)) {
		if n, err := r.ReadAt(block, 0); n < len(block) { // the rest is of another message
			return nil, 0, fmt.Errorf("read header: %w", err)
		}
		header, end, err := splitHeader(block)
		switch rest := block[end:]; {
		case err != nil:
			return nil, 0, err
		case bytes.HasPrefix(rest, []byte(lineEnd)):
			return header, int64(end + len(lineEnd)), nil
		case int64(len(block)) == size, bytes.IndexByte(rest, '\n') >= 0:
			return header, int64(end), nil
		case len(block) == HeaderBytesMax:
			return nil, 0, ErrHeaderTooLarge
		}
	}
}

// Apply changes the draft. After an error it is as the edits before the
// failing one left it.
func (d *Draft) Apply(edits ...Edit) error {
	for _, e := range edits {
		if e.Op == ReplaceBody {
			d.body, d.bodyStart = Bytes(e.Body), 0
			continue
		}
		header, err := e.apply(d.Header)
		if err != nil {
			return err
		}
		d.Header = header
	}
	return nil
}

// Clone returns a draft of its own that starts as d is.
func (d *Draft) Clone() *Draft {
	c := *d
	c.Header = slices.Clone(d.Header)
	return &c
}

// Body is the octets after the empty line.
func (d *Draft) Body() Content { return section{d.body, d.bodyStart} }

// Content is the whole message as it goes out: fields, empty line, body.
func (d *Draft) Content() Content {
	var b strings.Builder
	for _, field := range d.Header {
		b.WriteString(string(field))
	}
	b.WriteString(lineEnd)
	return joined{head: b.String(), body: d.Body()}
}

// section is a content from start to its end.
type section struct {
	whole Content
	start int64
}

func (s section) Size() int64 { return s.whole.Size() - s.start }

func (s section) Open() (ContentReader, error) {
	r, err := s.whole.Open()
	if err != nil {
		return nil, err
	}
	return &sectionReader{io.NewSectionReader(r, s.start, s.Size()), r}, nil
}

type sectionReader struct {
	*io.SectionReader
	io.Closer
}

// joined is a head in memory followed by a body.
type joined struct {
	head string
	body Content
}

func (j joined) Size() int64 { return int64(len(j.head)) + j.body.Size() }

func (j joined) Open() (ContentReader, error) {
	body, err := j.body.Open()
	if err != nil {
		return nil, err
	}
	at := &joinedReader{head: strings.NewReader(j.head), body: body}
	at.Reader = io.NewSectionReader(at, 0, j.Size())
	return at, nil
}

type joinedReader struct {
	io.Reader
	head *strings.Reader
	body ContentReader
}

func (r *joinedReader) ReadAt(p []byte, off int64) (int, error) {
	n := 0
	if off < r.head.Size() {
		n, _ = r.head.ReadAt(p, off)
		if n == len(p) {
			return n, nil
		}
	}
	m, err := r.body.ReadAt(p[n:], max(off-r.head.Size(), 0))
	return n + m, err
}

func (r *joinedReader) Close() error { return r.body.Close() }
