package main

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/config"
)

// Nobody reads the log, then somebody does: who logs waits once for a while, and what
// is missing is told where it would stand.
func TestLogThatNobodyReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, w := io.Pipe()
		o := newLogOutput(w, slog.New(slog.NewTextHandler(w, nil)))
		begun := time.Now()
		record := []byte(strings.Repeat("x", 1023) + "\n")
		for range 3 * logBytesMax / len(record) {
			o.Write(record)
		}
		if took := time.Since(begun); took != logPatience {
			t.Errorf("the log of nobody held mail up for %v", took)
		}
		var read []byte
		go func() { read, _ = io.ReadAll(r) }()
		synctest.Wait()
		o.Write([]byte("after\n"))
		o.Close()
		w.Close()
		synctest.Wait()
		kept, rest, _ := bytes.Cut(read, []byte("time="))
		missing := 3*logBytesMax/len(record) - len(kept)/len(record)
		if told, after, _ := strings.Cut(string(rest), "\n"); missing == 0 || !strings.HasSuffix(told, fmt.Sprintf("records=%d", missing)) || after != "after\n" {
			t.Errorf("%d octets, then %.200q", len(kept), rest)
		}
	})
}

// Who reads slowly gets all of it.
func TestLogThatIsReadSlowly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &slowWriter{}
		o := newLogOutput(w, nil)
		record := []byte(strings.Repeat("x", 1023) + "\n")
		for range 3 * logBytesMax / len(record) {
			o.Write(record)
		}
		o.Close()
		if w.n != 3*logBytesMax {
			t.Errorf("%d of %d octets", w.n, 3*logBytesMax)
		}
	})
}

type slowWriter struct{ n int }

func (w *slowWriter) Write(p []byte) (int, error) {
	time.Sleep(logPatience - time.Second)
	w.n += len(p)
	return len(p), nil
}

// A log that nobody will ever read ends neither the mail nor a stop in order.
func TestLogWhoseReaderHasGone(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	s := newSite(t, devSite+"[\"anne@example.com\"]\n")
	s.stderr = w
	p := s.serve()
	w.Close()
	r.Close()
	client := p.client()
	for n := range 2 {
		if _, err := client.Send(t.Context(), "anne@example.com", []gateway.ForwardPath{"dev@lists.example.com"}, fmt.Appendf(nil, "Subject: %d\r\n\r\n", n)); err != nil {
			t.Fatal(err)
		}
		s.wait(n + 1)
	}
	p.stop()
}

// What the engine says of itself in many lines is one text in the log.
func TestLogOfErrors(t *testing.T) {
	var b strings.Builder
	logger(&b, config.Log{}).Warn("a content could not be removed", "error", tracedError{})
	if !strings.HasSuffix(b.String(), " error=\"permission denied\"\n") {
		t.Error(b.String())
	}
}

type tracedError struct{}

func (tracedError) Error() string { return "permission denied" }
func (tracedError) Format(s fmt.State, _ rune) {
	io.WriteString(s, "permission denied\nstack trace:\n...")
}
