package probe

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/mmgw/mmgw/gateway"
)

// Limits of one reply. RFC 5321, section 4.5.3.1.5, knows lines of 512 octets;
// servers in use send longer ones, and some 20 of them for LHLO.
const (
	answerLineBytesMax = 8 << 10
	answerLinesMax     = 100
)

// errAnswer says that a server did not speak the language of RFC 5321. Which
// command a later reply belongs to cannot be known then.
var errAnswer = errors.New("the server broke the protocol")

// answer is one reply of a server: its code, and its lines without code and
// line end. The zero value stands for a command that was not sent.
type answer struct {
	code  int
	lines []string
}

// readAnswer reads one reply of one or more lines (RFC 5321, section 4.2.1).
// The buffer of r bounds the length of a line.
func readAnswer(r *bufio.Reader) (answer, error) {
	var a answer
	for {
		line, err := r.ReadSlice('\n')
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			return answer{}, fmt.Errorf("%w: a line of more than %d octets", errAnswer, r.Size())
		case errors.Is(err, io.EOF):
			return answer{}, io.ErrUnexpectedEOF
		case err != nil:
			return answer{}, err
		}
		code, text, more, ok := cutAnswer(strings.TrimRight(string(line), "\r\n"))
		switch {
		case !ok:
			return answer{}, fmt.Errorf("%w: no reply code in %q", errAnswer, gateway.Printable(string(line)))
		case len(a.lines) == answerLinesMax:
			return answer{}, fmt.Errorf("%w: a reply of more than %d lines", errAnswer, answerLinesMax)
		case len(a.lines) > 0 && code != a.code:
			return answer{}, fmt.Errorf("%w: a reply with codes %d and %d", errAnswer, a.code, code)
		}
		a.code, a.lines = code, append(a.lines, text)
		if !more {
			return a, nil
		}
	}
}

// cutAnswer takes "250-text", "250 text" or "250" apart.
func cutAnswer(line string) (code int, text string, more, ok bool) {
	if len(line) < 3 || line[0] < '2' || line[0] > '5' {
		return 0, "", false, false
	}
	for _, digit := range []byte(line[:3]) {
		if digit < '0' || digit > '9' {
			return 0, "", false, false
		}
		code = code*10 + int(digit-'0')
	}
	rest := line[3:]
	if rest == "" {
		return code, "", false, true
	}
	return code, rest[1:], rest[0] == '-', rest[0] == '-' || rest[0] == ' '
}

// class is the first digit of the code, 0 for the zero value.
func (a answer) class() int { return a.code / 100 }

// status is the reply as the gateway's word for it. An enhanced code (RFC 2034)
// that is missing, or of another class than the reply, becomes X.0.0.
func (a answer) status() *gateway.Status {
	status := &gateway.Status{Code: a.code, Enhanced: gateway.EnhancedCode{a.class(), 0, 0}}
	texts := make([]string, len(a.lines))
	for i, line := range a.lines {
		first, rest, _ := strings.Cut(line, " ")
		code, err := gateway.ParseEnhancedCode(first)
		if texts[i] = line; err == nil && code[0] == a.class() {
			status.Enhanced, texts[i] = code, rest
		}
	}
	status.Text = gateway.Printable(strings.Join(texts, " "))
	return status
}
