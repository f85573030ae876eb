package smtp

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/textproto"
	"strings"
	"testing"
	"testing/iotest"
)

// stuffed runs content through a stuffer whose block is size octets.
func stuffed(r io.Reader, size int) (string, error) {
	var wire bytes.Buffer
	s := &stuffer{out: make([]byte, 0, size), lineStart: true, flush: func(p []byte) error { wire.Write(p); return nil }}
	buffer := make([]byte, size)
	for {
		n, err := r.Read(buffer)
		if err := s.write(buffer[:n]); err != nil {
			return wire.String(), err
		}
		if err != nil {
			err = s.end(func() []byte { return nil })
			return wire.String(), err
		}
	}
}

func TestStuffer(t *testing.T) {
	for _, c := range []struct{ content, wire string }{
		{"", ".\r\n"},
		{"a", "a\r\n.\r\n"},
		{"a\r\n", "a\r\n.\r\n"},
		{".\r\n", "..\r\n.\r\n"},
		{".", "..\r\n.\r\n"},
		{"\r\n.\r\n", "\r\n..\r\n.\r\n"},
		{"a.\r\n..b\r\n\r\n", "a.\r\n...b\r\n\r\n.\r\n"},
		{"a\x00b\r\n", "a\x00b\r\n.\r\n"},
	} {
		for size := 1; size < 9; size++ {
			if wire, err := stuffed(strings.NewReader(c.content), size); err != nil || wire != c.wire {
				t.Errorf("%q in blocks of %d: %q, %v", c.content, size, wire, err)
			}
		}
	}
}

func TestStufferRefuses(t *testing.T) {
	for _, content := range []string{"\n", "\r", "a\nb\r\n", "a\rb\r\n", "a\r\r\n", "a\r\n\n", "a\r\n\r", "\n.\r\n", "\r.\r\n", "a\r\n\r.\r\n", "\r\n\n\r"} {
		for _, r := range []io.Reader{strings.NewReader(content), iotest.OneByteReader(strings.NewReader(content))} {
			wire, err := stuffed(r, 64)
			if !errors.Is(err, errStray) || strings.HasSuffix(wire, ".\r\n") {
				t.Errorf("%q: %q, %v", content, wire, err)
			}
		}
	}
}

// Whatever the content: refused, or on the wire without a stray CR or LF, and
// a reader of the standard library gets it back.
func FuzzStuffer(f *testing.F) {
	for _, seed := range []string{"", ".", "a\r\n.\r\nb\r\n", "\r\n.\r", "..\r\n", "\n.\n"} {
		f.Add([]byte(seed), 3)
	}
	f.Fuzz(func(t *testing.T, content []byte, size int) {
		wire, err := stuffed(bytes.NewReader(content), 1+size&63)
		plain := strings.ReplaceAll(wire, "\r\n", "")
		if err != nil {
			if rest := strings.ReplaceAll(string(content), "\r\n", ""); !strings.ContainsAny(rest, "\r\n") {
				t.Fatalf("%q is refused: %v", content, err)
			}
			return
		}
		if strings.ContainsAny(plain, "\r\n") || strings.Count(wire, "\r\n.\r\n")+strings.Count("\r\n"+wire, "\r\n.\r\n") > 2 {
			t.Fatalf("%q became %q", content, wire)
		}
		back, err := io.ReadAll(textproto.NewReader(bufio.NewReader(strings.NewReader(wire))).DotReader())
		want := strings.ReplaceAll(string(content), "\r\n", "\n")
		if want != "" && !strings.HasSuffix(want, "\n") {
			want += "\n"
		}
		if err != nil || string(back) != want {
			t.Fatalf("%q came back as %q, %v", content, back, err)
		}
	})
}
