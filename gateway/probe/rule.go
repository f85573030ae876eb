package probe

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/mmgw/mmgw/gateway"
)

// Rule is one way in which a Sink fails on purpose, made by ParseRule.
type Rule struct {
	verb    string // MAIL, RCPT or DATA
	pattern *regexp.Regexp
	status  gateway.Status
}

// ruleForm takes a rule apart: verb, pattern, code and text. The pattern goes
// up to the first "=" with three digits after it, so that it can have others.
var ruleForm = regexp.MustCompile(`^(\S+) +(.*?)=(\d{3})(?: +(.*))?$`)

// ParseRule reads "VERB regexp=code text", such as
//
//	RCPT @example\.org$=451 4.7.1 greylisted
//
// VERB is MAIL, RCPT or DATA. The pattern, in the syntax of package regexp, is
// looked for in the address of the command as it came, without brackets; that
// of DATA in the reverse-path, which is "" where it is null. The code is of
// class 4 or 5; after 421 the connection is closed (RFC 5321, section 3.8).
// The text may begin with an enhanced status code of the same class and may be
// missing. An empty pattern is found everywhere.
func ParseRule(text string) (Rule, error) {
	rule, err := parseRule(text)
	if err != nil {
		return Rule{}, fmt.Errorf("rule %q: %w", gateway.Printable(text), err)
	}
	return rule, nil
}

func parseRule(text string) (Rule, error) {
	parts := ruleForm.FindStringSubmatch(text)
	if parts == nil {
		return Rule{}, errors.New(`it is not of the form "RCPT regexp=code text", with a code of three digits`)
	}
	rule := Rule{verb: strings.ToUpper(parts[1])}
	if rule.verb != "MAIL" && rule.verb != "RCPT" && rule.verb != "DATA" {
		return Rule{}, fmt.Errorf("%q is neither MAIL nor RCPT nor DATA", gateway.Printable(parts[1]))
	}
	var err error
	if rule.pattern, err = regexp.Compile(parts[2]); err != nil {
		return Rule{}, errors.New(gateway.Printable(err.Error()))
	}
	rule.status, err = parseRefusal(parts[3], parts[4])
	return rule, err
}

// parseRefusal makes a status of "550" and "5.1.1 text".
func parseRefusal(code, text string) (gateway.Status, error) {
	n, err := strconv.Atoi(code)
	if err != nil || n < 400 || n > 599 {
		return gateway.Status{}, fmt.Errorf("the code is %s, it must be from 400 to 599", code)
	}
	status := gateway.Status{Code: n, Enhanced: gateway.EnhancedCode{n / 100, 0, 0}, Text: text}
	first, rest, _ := strings.Cut(text, " ")
	if enhanced, err := gateway.ParseEnhancedCode(first); err == nil {
		if enhanced[0] != n/100 {
			return gateway.Status{}, fmt.Errorf("%s and %s are of different classes", code, enhanced)
		}
		status.Enhanced, status.Text = enhanced, rest
	}
	if status.Text == "" {
		status.Text = "refused on purpose"
	}
	if gateway.Printable(status.Text) != status.Text {
		return gateway.Status{}, errors.New("the text is too long or has control characters")
	}
	return status, nil
}

// refusal is the status of the first rule for verb and address, nil if none is.
func refusal(rules []Rule, verb, address string) *gateway.Status {
	for i := range rules {
		if rule := &rules[i]; rule.verb == verb && rule.pattern.MatchString(address) {
			return &rule.status
		}
	}
	return nil
}
