package lmtp

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

var update = flag.Bool("update", false, "write what the server says into the transcripts")

func newLog(w io.Writer) *slog.Logger { return slog.New(slog.NewTextHandler(w, nil)) }

// TestTranscripts plays the dialogues in testdata. Their lines are
//
//	# comment
//	limits: key=value ...   before the first dialogue
//	C: command              sent with CRLF; lines in a row are one write
//	C> octets               sent as they are
//	wait 5m                 lets the clock run
//	hang up                 the client closes
//	S: reply                every line that comes back
//	I: from=<a> to=<b> "…"  what the Intake accepted
//	closed                  the server closed the connection
//
// with \r \n \0 \\ and \xNN for the octets that do not stand in a text.
func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no transcripts", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var got string
			synctest.Test(t, func(t *testing.T) { got = play(t, string(want)) })
			switch {
			case got == string(want):
			case *update:
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			default:
				t.Error(firstDifference(string(want), got))
			}
		})
	}
}

func firstDifference(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range min(len(w), len(g)) {
		if w[i] != g[i] {
			return fmt.Sprintf("line %d:\n want %s\n got  %s", i+1, w[i], g[i])
		}
	}
	return fmt.Sprintf("%d lines instead of %d:\n%s", len(g), len(w), got)
}

// play speaks the client's lines and writes the transcript again.
func play(t *testing.T, transcript string) string {
	d := &desk{}
	server := &Server{Intake: d, Hostname: "lmtp.test", Limits: Limits{ContentBytesMax: 1000, RecipientsMax: 5}}
	var out strings.Builder
	var client *peer
	lines := strings.SplitAfter(transcript, "\n")
	for i := 0; i < len(lines); i++ {
		line := strings.TrimSuffix(lines[i], "\n")
		kind, rest, _ := strings.Cut(line, " ")
		switch kind {
		case "S:", "I:", "closed":
			continue
		case "limits:":
			configure(t, server, rest)
		case "C:", "C>", "wait", "hang":
			if client == nil {
				client = newPeer(serve(t, server).Dial())
				synctest.Wait()
				out.WriteString(client.take())
			}
		}
		out.WriteString(lines[i])
		switch {
		case kind == "wait":
			pause, err := time.ParseDuration(rest)
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(pause)
		case kind == "hang":
			client.conn.Close()
		case kind == "C:":
			client.queued = append(client.queued, unescape(rest)+"\r\n"...)
		case kind == "C>":
			client.queued = append(client.queued, unescape(rest)...)
		default:
			continue
		}
		if i+1 < len(lines) && strings.HasPrefix(lines[i+1], "C") {
			continue
		}
		client.send()
		synctest.Wait()
		for _, accepted := range d.take() {
			out.WriteString("I: " + accepted + "\n")
		}
		out.WriteString(client.take())
	}
	client.conn.Close()
	return out.String()
}

func configure(t *testing.T, s *Server, settings string) {
	for setting := range strings.FieldsSeq(settings) {
		var err error
		key, value, _ := strings.Cut(setting, "=")
		switch key {
		case "content_bytes_max":
			_, err = fmt.Sscan(value, &s.Limits.ContentBytesMax)
		case "content_timeout":
			s.Limits.ContentTimeout, err = time.ParseDuration(value)
		case "bare_newline":
			s.BareNewlineRefused = value == "reject"
		default:
			err = fmt.Errorf("unknown setting %q", key)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

var escapes = strings.NewReplacer(`\r`, "\r", `\n`, "\n", `\0`, "\x00", `\\`, `\`, `\x1b`, "\x1b", `\xff`, "\xff")

func unescape(s string) string { return escapes.Replace(s) }

// peer is a client that reads all the time.
type peer struct {
	conn   net.Conn
	queued []byte

	mu     sync.Mutex
	read   []byte
	closed bool
	told   bool
}

func newPeer(conn net.Conn) *peer {
	p := &peer{conn: conn}
	go func() {
		buf := make([]byte, 4096)
		for {
			n, err := conn.Read(buf)
			p.mu.Lock()
			p.read = append(p.read, buf[:n]...)
			p.closed = err != nil
			p.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	return p
}

func (p *peer) send() {
	if len(p.queued) > 0 {
		p.conn.Write(p.queued)
		p.queued = nil
	}
}

// take formats what has come since the last time.
func (p *peer) take() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var b bytes.Buffer
	for line := range bytes.Lines(p.read) {
		if text, ok := bytes.CutSuffix(line, []byte("\r\n")); ok {
			fmt.Fprintf(&b, "S: %s\n", text)
		} else {
			fmt.Fprintf(&b, "S: %q without CRLF\n", line)
		}
	}
	p.read = nil
	if p.closed && !p.told {
		b.WriteString("closed\n")
		p.told = true
	}
	return b.String()
}
