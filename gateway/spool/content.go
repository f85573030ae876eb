package spool

import (
	"errors"
	"fmt"
	"io"
	"sync/atomic"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/store"
)

// ContentInlineBytesMax is the largest content that is kept in the database,
// and all that a session keeps of one in memory. Larger ones stream to a file:
// the database would write them three times.
const ContentInlineBytesMax = 64 << 10

// contentBytesUsual is room for most messages of lists.
const contentBytesUsual = 12 << 10

const bufferBytesMax = store.EnclosureBytes + ContentInlineBytesMax

// contentWriter takes a content up in memory, and in a file from
// ContentInlineBytesMax on.
type contentWriter struct {
	spool    *Spool
	id       gateway.QueueID
	own      bool   // mail of our own
	buffer   []byte // all of it, or what the file does not have yet, after store.EnclosureBytes
	size     int64
	file     store.File
	err      error
	accepted atomic.Bool // the file belongs to a message
}

// Write implements io.Writer. Errors are of class Transient, and stay.
func (w *contentWriter) Write(p []byte) (int, error) {
	n := 0
	for n < len(p) && w.err == nil {
		if len(w.buffer) == bufferBytesMax {
			w.flush()
		}
		if w.buffer == nil {
			w.buffer = make([]byte, store.EnclosureBytes, contentBytesUsual)
		}
		m := min(len(p)-n, bufferBytesMax-len(w.buffer))
		w.buffer = append(w.buffer, p[n:n+m]...)
		n += m
	}
	w.size += int64(n)
	return n, w.err
}

// flush moves the buffer to the file.
func (w *contentWriter) flush() {
	w.try(func() error { return w.spool.admit(w.own) })
	if w.file == nil && w.err == nil {
		var err error
		w.file, err = w.spool.fs.Create(w.spool.contentFile(w.id))
		w.try(func() error { return err })
	}
	w.try(func() error {
		_, err := w.file.Write(w.buffer[store.EnclosureBytes:])
		return err
	})
	w.buffer = w.buffer[:store.EnclosureBytes]
}

func (w *contentWriter) try(f func() error) {
	if w.err == nil {
		if err := f(); err != nil {
			w.err = store.Failure(fmt.Errorf("content %s: %w", w.id, err))
		}
	}
}

// Content implements gateway.ContentWriter. Errors are of class Transient.
func (w *contentWriter) Content() (gateway.Content, error) {
	if w.file != nil && len(w.buffer) > store.EnclosureBytes {
		w.flush()
	}
	if w.err != nil {
		return nil, w.err
	}
	c := &content{spool: w.spool, id: w.id, size: w.size, writer: w}
	if w.file != nil {
		w.buffer = nil
		return c, nil
	}
	if c.enclosed = w.buffer; c.enclosed == nil { // nothing was written
		c.enclosed = make([]byte, store.EnclosureBytes)
	}
	c.inline = c.enclosed[store.EnclosureBytes:]
	return c, nil
}

// Discard implements gateway.ContentWriter.
func (w *contentWriter) Discard() {
	w.buffer = nil
	if w.file == nil || w.accepted.Load() {
		return
	}
	w.file.Close()
	w.spool.removeContentFile(w.id)
	w.file = nil
}

// sync makes a file and its name durable, and closes it. A file whose sync
// failed is not synced again: the error would be gone, and the octets too.
func (w *contentWriter) sync() error {
	if w.file == nil {
		return nil
	}
	err := errors.Join(w.file.Sync(), w.file.Close())
	w.accepted.Store(true)
	if err == nil {
		err = w.spool.fs.SyncDir(w.spool.contentDir())
	}
	if err != nil {
		w.spool.removeContentFile(w.id)
		return store.Failure(fmt.Errorf("sync content %s: %w", w.id, err))
	}
	return nil
}

// removeContentFile leaves a file that cannot be removed to the next start.
func (s *Spool) removeContentFile(id gateway.QueueID) {
	if err := s.fs.Remove(s.contentFile(id)); err != nil && !store.NotExist(err) {
		s.log.Warn("spool: a content could not be removed", "id", id, "error", err)
	}
}

// content is one in the spool, or on its way there: in memory where inline is
// not nil or nothing, else in its file.
type content struct {
	spool  *Spool
	id     gateway.QueueID
	size   int64
	inline []byte

	writer   *contentWriter // these two until it is accepted
	enclosed []byte         // inline after store.EnclosureBytes
}

// Size implements gateway.Content.
func (c *content) Size() int64 { return c.size }

// Open implements gateway.Content.
func (c *content) Open() (gateway.ContentReader, error) {
	if !c.inFile() {
		return gateway.Bytes(c.inline).Open()
	}
	file, err := c.spool.fs.Open(c.spool.contentFile(c.id))
	if err != nil {
		return nil, fmt.Errorf("content %s: %w", c.id, err)
	}
	return &fileReader{io.NewSectionReader(file, 0, c.size), file}, nil
}

func (c *content) inFile() bool { return c.size > ContentInlineBytesMax }

type fileReader struct {
	*io.SectionReader
	io.Closer
}
