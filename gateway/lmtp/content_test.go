package lmtp

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/mmgw/mmgw/gateway"
)

func newContent(r io.Reader, bufferBytes int, bytesMax int64) *content {
	return &content{in: bufio.NewReaderSize(r, bufferBytes), bytesMax: bytesMax, lineStart: true}
}

func TestContentFraming(t *testing.T) {
	for _, tt := range []struct{ name, wire, want, rest string }{
		{"empty", ".\r\n", "", ""},
		{"one line", "x\r\n.\r\nQUIT", "x\r\n", "QUIT"},
		{"stuffed", "..\r\n.x\r\n.\r\n", ".\r\nx\r\n", ""},
		{"bare LF before the dot", "x\n.\r\n.\r\n", "x\r\n.\r\n", ""},
		{"bare LF behind the dot", "x\r\n.\n.\r\n.\r\n", "x\r\n\r\n.\r\n", ""},
		{"bare CR before the dot", "x\r.\r\n.\r\n", "x .\r\n", ""},
		{"bare CR behind the dot", "x\r\n.\r.\r\n.\r\n", "x\r\n .\r\n", ""},
		{"CR CR LF", "x\r\r\n.\r\n", "x \r\n", ""},
		{"dot, CR CR LF", ".\r\r\n.\r\n", " \r\n", ""},
		{"NUL and 8 bit", "\x00\xff\r\n\x00.\r\n.\r\n", "\x00\xff\r\n\x00.\r\n", ""},
		{"line over the buffer", strings.Repeat("x", 16) + "\r\n.\r\n", strings.Repeat("x", 16) + "\r\n", ""},
		{"CR at the edge", strings.Repeat("x", 15) + "\r\n.\r\n", strings.Repeat("x", 15) + "\r\n", ""},
		{"bare CR at the edge", strings.Repeat("x", 15) + "\r.\r\n.\r\n", strings.Repeat("x", 15) + " .\r\n", ""},
		{"dot at the edge", strings.Repeat("x", 16) + ".\r\n.\r\n", strings.Repeat("x", 16) + ".\r\n", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := newContent(iotest.OneByteReader(strings.NewReader(tt.wire)), 16, 1<<20)
			got, err := io.ReadAll(c)
			rest, _ := io.ReadAll(c.in)
			if string(got) != tt.want || err != nil || string(rest) != tt.rest {
				t.Errorf("%q, %v, rest %q; want %q, rest %q", got, err, rest, tt.want, tt.rest)
			}
		})
	}
}

func TestContentLimit(t *testing.T) {
	for size, want := range map[int]bool{98: true, 99: false, 5000: false} {
		c := newContent(strings.NewReader(strings.Repeat("x", size)+"\r\n.\r\nrest"), 32, 100)
		_, err := io.Copy(io.Discard, c)
		fault, broken := c.take()
		rest, _ := io.ReadAll(c.in)
		if (err == nil) != want || (fault == nil) != want || broken || string(rest) != "rest" {
			t.Errorf("%d octets and CRLF: %v, %v, %v, rest %q", size, err, fault, broken, rest)
		}
	}
}

func TestEndlessContent(t *testing.T) {
	line := strings.Repeat("x", 62) + "\r\n"
	c := newContent(io.MultiReader(repeated(line), strings.NewReader(".\r\n")), readBufferBytes, 100)
	if fault, broken := c.take(); fault != tooLarge || !broken {
		t.Errorf("an endless content: %v, %v", fault, broken)
	}
	if over := c.size - 100 - overrunBytesMax; over < 0 || over > readBufferBytes {
		t.Errorf("given up %d octets after the limit", over)
	}
}

// repeated never ends.
type repeated string

func (r repeated) Read(p []byte) (n int, err error) {
	for n < len(p) {
		m := copy(p[n:], r)
		n += m - m%len(r)
		if m < len(r) {
			break
		}
	}
	return n, nil
}

func TestContentErrors(t *testing.T) {
	c := newContent(strings.NewReader("begun\r\n.\r"), 16, 100)
	_, err := io.ReadAll(c)
	var reply *gateway.Status
	if !errors.As(err, &reply) || reply.Code != 451 || !errors.Is(err, io.EOF) {
		t.Errorf("cut: %v", err)
	}
	c.take()
	if _, err := c.Read(make([]byte, 1)); err != errTaken {
		t.Errorf("Read after the reply: %v", err)
	}
}

// frame is the framing octet by octet, as the package comment has it.
func frame(wire []byte) (text, rest []byte, ok bool) {
	lineStart := true
	for i := 0; i < len(wire); i++ {
		if lineStart && wire[i] == '.' {
			if bytes.HasPrefix(wire[i+1:], crlf) {
				return text, wire[i+3:], true
			}
			if i++; i == len(wire) {
				break
			}
		}
		lineStart = false
		switch {
		case bytes.HasPrefix(wire[i:], crlf):
			text, lineStart = append(text, crlf...), true
			i++
		case wire[i] == '\r':
			text = append(text, ' ')
		case wire[i] == '\n':
			text = append(text, crlf...)
		default:
			text = append(text, wire[i])
		}
	}
	return nil, nil, false
}

func FuzzContent(f *testing.F) {
	for _, seed := range []string{
		"x\r\n.\r\nQUIT\r\n", ".\r\n", "\n.\n\r.\r\r\n..\r\n.\rX\r\n.\nX\r\n.\r\r\n\r\n.\r\n", "no end",
		"fifteen octets.\r\n.\r\n", "fifteen octets.\r\r\n.\r\n",
	} {
		f.Add([]byte(seed), byte(0), byte(7))
	}
	f.Fuzz(func(t *testing.T, wire []byte, bufferBytes, readBytes byte) {
		c := newContent(bytes.NewReader(bytes.Clone(wire)), 16+int(bufferBytes), 1<<20)
		var got bytes.Buffer
		_, err := io.CopyBuffer(struct{ io.Writer }{&got}, struct{ io.Reader }{c}, make([]byte, 1+int(readBytes)))
		text, rest, ok := frame(wire)
		if (err == nil) != ok {
			t.Fatalf("%q: %v, the reference says %v", wire, err, ok)
		}
		if !ok {
			return
		}
		left, _ := io.ReadAll(c.in)
		if !bytes.Equal(got.Bytes(), text) || !bytes.Equal(left, rest) {
			t.Fatalf("%q: %q, rest %q; the reference says %q, rest %q", wire, got.Bytes(), left, text, rest)
		}
	})
}
