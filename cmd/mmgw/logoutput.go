package main

import (
	"bytes"
	"io"
	"log/slog"
	"sync"
	"time"
)

const (
	// logBytesMax is how much of the log may wait to be written: some 5,000 records,
	// which is a second at full speed.
	logBytesMax = 1 << 20

	// logPatience is how long mail waits for a reader of the log that does not read.
	logPatience = 5 * time.Second
)

// logOutput writes the log in the background. A slow reader slows mail down; but if
// nobody reads the log, or its reader is gone, records get lost and mail goes on.
type logOutput struct {
	w    io.Writer
	tell *slog.Logger  // writes to w that records are missing
	bell chan struct{} // rung when something waits; closed by Close
	done chan struct{} // closed when everything is written

	mu      sync.Mutex
	waiting []byte
	written chan struct{} // closed when the next write ends
	stuck   bool          // no write has ended for logPatience
	lost    int           // number of records
	closed  bool
}

func newLogOutput(w io.Writer, tell *slog.Logger) *logOutput {
	o := &logOutput{w: w, tell: tell, bell: make(chan struct{}, 1), done: make(chan struct{}), written: make(chan struct{})}
	go o.run()
	return o
}

// Write takes one record.
func (o *logOutput) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for len(o.waiting)+len(p) > logBytesMax && !o.stuck && !o.closed {
		o.wait()
	}
	if o.closed || len(o.waiting)+len(p) > logBytesMax {
		o.lost++
		return len(p), nil
	}
	o.waiting = append(o.waiting, p...)
	select {
	case o.bell <- struct{}{}:
	default:
	}
	return len(p), nil
}

// wait waits for the end of a write. The caller holds o.mu.
func (o *logOutput) wait() {
	written := o.written
	o.mu.Unlock()
	select {
	case <-written:
	case <-time.After(logPatience):
	}
	o.mu.Lock()
	o.stuck = written == o.written
}

func (o *logOutput) run() {
	defer close(o.done)
	var batch []byte
	for range o.bell {
		o.mu.Lock()
		missing := o.lost // they would come after what waits
		batch, o.waiting, o.lost = o.waiting, batch[:0], 0
		o.mu.Unlock()
		_, err := o.w.Write(batch)
		o.mu.Lock()
		close(o.written)
		o.written, o.stuck = make(chan struct{}), false
		if err != nil {
			o.lost += missing + bytes.Count(batch, []byte("\n"))
		}
		o.mu.Unlock()
		if err == nil && missing > 0 {
			o.tell.Error("this log could not be written, records are missing", "records", missing)
		}
	}
}

// Close writes what waits, as long as somebody reads it.
func (o *logOutput) Close() {
	o.mu.Lock()
	o.closed = true
	close(o.bell)
	o.mu.Unlock()
	for {
		select {
		case <-o.done:
			return
		case <-o.write():
		case <-time.After(logPatience):
			return
		}
	}
}

// write returns a channel that is closed when the current write, or else the next one,
// ends.
func (o *logOutput) write() <-chan struct{} {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.written
}
