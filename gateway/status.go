package gateway

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// EnhancedCode is a status code of RFC 3463, such as 5.1.1. The zero value
// stands for "none given".
type EnhancedCode [3]int

func (c EnhancedCode) String() string { return fmt.Sprintf("%d.%d.%d", c[0], c[1], c[2]) }

// ParseEnhancedCode reads "5.1.1". The class must be 2, 4 or 5, the other two
// numbers at most 999 (RFC 3463, section 2).
func ParseEnhancedCode(s string) (EnhancedCode, error) {
	var code EnhancedCode
	parts := strings.Split(s, ".")
	if len(parts) != 3 {
		return code, fmt.Errorf("%q is not a status code of three numbers", Printable(s))
	}
	for i, part := range parts {
		n, err := strconv.ParseUint(part, 10, 16)
		if err != nil || n > 999 {
			return EnhancedCode{}, fmt.Errorf("%q is not a status code of three numbers", Printable(s))
		}
		code[i] = int(n)
	}
	if code[0] != 2 && code[0] != 4 && code[0] != 5 {
		return EnhancedCode{}, fmt.Errorf("%q: the first number is 2, 4 or 5", Printable(s))
	}
	return code, nil
}

// Class is what a status means for the one who sent the command.
type Class int

// The classes of RFC 5321, section 4.2.1.
const (
	Success   Class = 2
	Transient Class = 4 // to be tried again
	Permanent Class = 5 // not to be tried again
)

// Status is what happened to a recipient or a message: the reply that an MTA
// gets, the outcome of a delivery, and the status of a DSN. It is the only
// error type that crosses the border to other hosts.
type Status struct {
	Code     int          // reply code of RFC 5321, such as 550
	Enhanced EnhancedCode // of RFC 3463; zero where a host gave none: see Detail
	Text     string       // public: it may be sent to anyone
	Host     string       // that said so, by the name that it gives itself; "": we do
	Cause    error        // private: for our log alone
}

// Class follows from the reply code. A code that is not a reply code is Transient.
func (s *Status) Class() Class {
	switch s.Code / 100 {
	case 2:
		return Success
	case 5:
		return Permanent
	}
	return Transient
}

// Error is the reply, followed by the private cause.
func (s *Status) Error() string {
	text := s.Reply()
	if s.Cause != nil {
		text += " (" + s.Cause.Error() + ")"
	}
	return text
}

// Unwrap returns the private cause.
func (s *Status) Unwrap() error { return s.Cause }

// Reply is the status as one line of SMTP, without CRLF, and without an enhanced
// code where none was given.
func (s *Status) Reply() string {
	if s.Enhanced == (EnhancedCode{}) {
		return fmt.Sprintf("%d %s", s.Code, Printable(s.Text))
	}
	return fmt.Sprintf("%d %s %s", s.Code, s.Enhanced, Printable(s.Text))
}

// Detail is the enhanced code, which is made of the class where none was given:
// X.0.0, "other or undefined status" (RFC 3463, section 3.1).
func (s *Status) Detail() EnhancedCode {
	if s.Enhanced == (EnhancedCode{}) {
		return EnhancedCode{int(s.Class())}
	}
	return s.Enhanced
}

// Accepted is the reply to a recipient whose message is safe with us.
var Accepted = &Status{Code: 250, Enhanced: EnhancedCode{2, 0, 0}, Text: "accepted"}

// Deferred makes the Status of a fault of our own: 451 4.3.0, so that the MTA
// keeps the message and tries again. The cause stays private.
func Deferred(cause error) *Status {
	return &Status{Code: 451, Enhanced: EnhancedCode{4, 3, 0}, Text: "local error, try again later", Cause: cause}
}

// AsStatus returns the Status in err's chain, Accepted for nil, and Deferred
// for any other error: a fault of ours never bounces mail.
func AsStatus(err error) *Status {
	var status *Status
	switch {
	case err == nil:
		return Accepted
	case errors.As(err, &status):
		return status
	}
	return Deferred(err)
}
