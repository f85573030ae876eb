package smtp

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/mmgw/mmgw/gateway"
)

// Limits of one reply. By RFC 5321, section 4.5.3.1.5, a line has at most 512 octets; real
// EHLO replies have some 20 lines.
const (
	ReplyBytesMax = 64 << 10 // octets, line ends included
	ReplyLinesMax = 100
)

// errReply says that a server broke the protocol. Replies that follow can no longer be
// matched to commands.
var errReply = errors.New("the server broke the protocol")

// reply is one reply of a server: its lines as they came, without code and line end.
type reply struct {
	code  int
	lines []string
}

// readReply reads one reply, of one or more lines (RFC 5321, section 4.2.1). It accepts
// lines that end in a bare LF. After an error r cannot be used any more.
func readReply(r *bufio.Reader) (reply, error) {
	var answer reply
	budget := ReplyBytesMax
	for {
		line, err := readLine(r, &budget)
		if err != nil {
			return reply{}, err
		}
		code, text, more, err := parseReplyLine(line)
		switch {
		case err != nil:
			return reply{}, err
		case len(answer.lines) == ReplyLinesMax:
			return reply{}, fmt.Errorf("%w: a reply of more than %d lines", errReply, ReplyLinesMax)
		case len(answer.lines) > 0 && code != answer.code:
			return reply{}, fmt.Errorf("%w: a reply with codes %d and %d", errReply, answer.code, code)
		}
		answer.code, answer.lines = code, append(answer.lines, text)
		if !more {
			return answer, nil
		}
	}
}

// readLine reads a line, and takes its length from budget.
func readLine(r *bufio.Reader, budget *int) (string, error) {
	var line []byte // what has been read of a line that does not fit the buffer
	for {
		part, err := r.ReadSlice('\n')
		if *budget -= len(part); *budget < 0 {
			return "", fmt.Errorf("%w: a reply of more than %d octets", errReply, ReplyBytesMax)
		}
		if line == nil && err == nil {
			return strings.TrimSuffix(string(part[:len(part)-1]), "\r"), nil
		}
		line = append(line, part...)
		switch {
		case err == nil:
			return strings.TrimSuffix(string(line[:len(line)-1]), "\r"), nil
		case errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF):
			return "", io.ErrUnexpectedEOF
		default:
			return "", err
		}
	}
}

// parseReplyLine reads "250-text", "250 text" or "250".
func parseReplyLine(line string) (code int, text string, more bool, err error) {
	if len(line) < 3 || line[0] < '2' || line[0] > '5' {
		return 0, "", false, noCode(line)
	}
	for _, c := range []byte(line[:3]) {
		if c < '0' || c > '9' {
			return 0, "", false, noCode(line)
		}
		code = code*10 + int(c-'0')
	}
	rest := line[3:]
	if rest == "" {
		return code, "", false, nil
	}
	if rest[0] != ' ' && rest[0] != '-' {
		return 0, "", false, noCode(line)
	}
	return code, rest[1:], rest[0] == '-', nil
}

func noCode(line string) error {
	return fmt.Errorf("%w: no reply code in %q", errReply, gateway.Printable(line))
}

// class is the first digit of the code.
func (r reply) class() int { return r.code / 100 }

// enhanced returns the enhanced status code of the reply and its text without it. The
// code is zero if the reply has none of its own class (RFC 2034).
func (r reply) enhanced() (gateway.EnhancedCode, string) {
	var code gateway.EnhancedCode
	texts := make([]string, len(r.lines))
	for i, line := range r.lines {
		first, rest, _ := strings.Cut(line, " ")
		found, err := gateway.ParseEnhancedCode(first)
		if texts[i] = line; err == nil && found[0] == r.class() {
			code, texts[i] = found, rest
		}
	}
	return code, gateway.Printable(strings.Join(texts, " "))
}

// status is the reply as a Status, with the server's codes and its text made printable.
func (r reply) status() *gateway.Status {
	code, text := r.enhanced()
	return &gateway.Status{Code: r.code, Enhanced: code, Text: text}
}

// isException says whether the reply is an uncaught exception of aiosmtpd, on which GNU
// Mailman 3's core is built: of a database that is locked or down, for example. Its code
// would be a permanent refusal, and the lines after the first would look like further
// replies.
func (r reply) isException() bool {
	return r.code == 500 && strings.HasPrefix(r.lines[0], "Error: (")
}

// String is the reply in one printable line.
func (r reply) String() string {
	return fmt.Sprintf("%d %s", r.code, gateway.Printable(strings.Join(r.lines, " ")))
}
