package lookup

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// Limits of one connection.
const (
	// QuestionBytesMax is the longest question that is read to its end:
	// tcp_table(5) allows 4096 octets, and no other peer asks for more.
	QuestionBytesMax = 4096

	// IdleTimeout is for one question and its answer. Postfix closes a
	// connection that it has not used for ten seconds.
	IdleTimeout = time.Minute

	lengthDigitsMax = 4 // of a netstring of QuestionBytesMax octets
)

// session is one connection of an MTA.
type session struct {
	tables *Tables
	conn   net.Conn
	r      *bufio.Reader
	w      *bufio.Writer
}

// errQuestion ends a session whose peer does not speak one of the protocols.
var errQuestion = errors.New("no question of a known protocol")

func newSession(tables *Tables, conn net.Conn) *session {
	s := &session{tables: tables, conn: conn, w: bufio.NewWriter(conn)}
	s.r = bufio.NewReaderSize(s, QuestionBytesMax+lengthDigitsMax+2)
	return s
}

// Read waits for the peer. What it was answered goes out before, so that the
// answers to questions that come together leave together.
func (s *session) Read(p []byte) (int, error) {
	if err := s.w.Flush(); err != nil {
		return 0, err
	}
	return s.conn.Read(p)
}

// serve answers until the peer has asked enough: then it is nil.
func (s *session) serve(ctx context.Context) error {
	for {
		if err := s.conn.SetDeadline(time.Now().Add(IdleTimeout)); err != nil {
			return err
		}
		first, err := s.r.Peek(1)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		again := true
		if isDigit(first[0]) {
			err = s.netstring(ctx)
		} else {
			again, err = s.line(ctx)
		}
		if err != nil || !again {
			return errors.Join(err, s.w.Flush())
		}
	}
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// netstring answers a question of socketmap_table(5).
func (s *session) netstring(ctx context.Context) error {
	head, err := s.r.Peek(1)
	for n := 1; err == nil && isDigit(head[n-1]); n++ {
		if n > lengthDigitsMax {
			return fmt.Errorf("%w: a netstring of more than %d octets", errQuestion, QuestionBytesMax)
		}
		head, err = s.r.Peek(n + 1)
	}
	if err != nil {
		return err
	}
	digits := len(head) - 1
	size, err := strconv.Atoi(string(head[:digits]))
	if err != nil || size > QuestionBytesMax || head[digits] != ':' {
		return fmt.Errorf("%w: it begins like a netstring", errQuestion)
	}
	all, err := s.r.Peek(digits + 1 + size + 1)
	if err != nil {
		return err
	}
	if all[len(all)-1] != ',' {
		return fmt.Errorf("%w: no comma ends the netstring", errQuestion)
	}
	name, key, _ := strings.Cut(string(all[digits+1:len(all)-1]), " ")
	if _, err := s.r.Discard(len(all)); err != nil {
		return err
	}
	reply := s.tables.ask(ctx, name, key).String()
	_, err = s.w.WriteString(strconv.Itoa(len(reply)) + ":" + reply + ",")
	return err
}

// String is an answer in the words of socketmap_table(5).
func (a answer) String() string {
	switch a.verdict {
	case found:
		return "OK " + a.text
	case absent:
		return "NOTFOUND "
	case wrong:
		return "PERM " + a.text
	}
	return "TEMP " + a.text
}

// line answers a question that is a line, and says whether another may follow.
func (s *session) line(ctx context.Context) (again bool, err error) {
	text, err := s.r.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		return false, fmt.Errorf("%w: a line of more than %d octets", errQuestion, QuestionBytesMax)
	}
	if err != nil {
		return false, err
	}
	word, key, ok := strings.Cut(string(bytes.TrimRight(text, "\r\n")), " ")
	switch {
	case !ok:
		return false, fmt.Errorf("%w: a line without a key", errQuestion)
	case word == "get" || word == "put":
		return true, s.tcpTable(ctx, word, key)
	}
	_, err = s.w.WriteString(s.tables.ask(ctx, word, key).String() + "\n")
	return false, err
}

// tcpTable answers a request of tcp_table(5).
func (s *session) tcpTable(ctx context.Context, request, key string) error {
	reply := "400 the key is not encoded as it should be"
	if decoded, ok := percentDecode(key); ok {
		reply = s.tables.unnamed(ctx, decoded).tcpTable()
	}
	if request == "put" {
		reply = "500 these tables are read only"
	}
	_, err := s.w.WriteString(percentEncode(reply) + "\n")
	return err
}

// tcpTable is an answer in the words of tcp_table(5).
func (a answer) tcpTable() string {
	switch a.verdict {
	case found:
		return "200 " + a.text
	case absent:
		return "500 not found"
	}
	return "400 " + a.text
}

// percentDecode reads %XX as the octet of that number.
func percentDecode(s string) (string, bool) {
	if !strings.Contains(s, "%") {
		return s, true
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			b.WriteByte(s[i])
			continue
		}
		if i+2 >= len(s) {
			return "", false
		}
		n, err := strconv.ParseUint(s[i+1:i+3], 16, 8)
		if err != nil {
			return "", false
		}
		b.WriteByte(byte(n))
		i += 2
	}
	return b.String(), true
}

// percentEncode writes what would end or garble a reply as %XX. The blank
// after the code stays.
func percentEncode(reply string) string {
	var b strings.Builder
	for i := range len(reply) {
		if c := reply[i]; c == '%' || c < ' ' || c >= 0x7f || c == ' ' && i > 3 {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}
