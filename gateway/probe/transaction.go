package probe

import (
	"errors"
	"fmt"
	"strings"

	"github.com/mmgw/mmgw/gateway"
)

// commands are MAIL, a RCPT for each recipient, and DATA. The addresses are
// parsed again: a text that is none would be parameters or further commands.
// What a server does not offer is left out, and its answer tells of that.
func (c *Client) commands(from gateway.ReversePath, to []gateway.ForwardPath, ascii bool) ([]string, error) {
	if len(to) == 0 {
		return nil, errors.New("a message needs a recipient")
	}
	reverse, err := gateway.ParseReversePath(string(from))
	if err != nil {
		return nil, fmt.Errorf("reverse-path: %w", err)
	}
	commands, utf8 := make([]string, 1, len(to)+2), !reverse.IsASCII()
	for _, path := range to {
		forward, err := gateway.ParseForwardPath(string(path))
		if err != nil {
			return nil, fmt.Errorf("recipient: %w", err)
		}
		utf8 = utf8 || !forward.IsASCII()
		commands = append(commands, "RCPT TO:"+forward.String()+"\r\n")
	}
	mail := "MAIL FROM:" + reverse.String()
	if !ascii && c.extensions["8BITMIME"] {
		mail += " BODY=8BITMIME"
	}
	if utf8 && c.extensions["SMTPUTF8"] {
		mail += " SMTPUTF8"
	}
	commands[0] = mail + "\r\n"
	return append(commands, "DATA\r\n"), nil
}

// transact runs one transaction and returns the status of each recipient.
func (c *Client) transact(commands []string, content []byte) ([]*gateway.Status, error) {
	if c.resetDue {
		if _, err := c.ask(1, []byte("RSET\r\n")); err != nil {
			return nil, err
		}
	}
	c.resetDue = true
	answers, err := c.envelope(commands)
	if err != nil {
		return nil, err
	}
	mail, rcpts, data := answers[0], answers[1:len(answers)-1], answers[len(answers)-1]
	statuses, accepted := outcomes(mail, rcpts)
	switch {
	case data.class() == 3 && len(accepted) == 0:
		c.abort() // how many replies would follow a final dot is anyone's guess
		return statuses, nil
	case data.class() == 3:
		return statuses, c.deliver(content, statuses, accepted)
	case data.class() == 2:
		return nil, fmt.Errorf("%w: DATA was answered %d", errAnswer, data.code)
	}
	for _, i := range accepted {
		statuses[i] = data.status()
	}
	return statuses, nil
}

// envelope sends the commands, in one write where PIPELINING (RFC 2920) is
// offered; else one after the other as long as they can still be of use. One
// that was not sent has the zero answer.
func (c *Client) envelope(commands []string) ([]answer, error) {
	if c.extensions["PIPELINING"] {
		return c.ask(len(commands), []byte(strings.Join(commands, "")))
	}
	answers, useful := make([]answer, len(commands)), false
	for i, command := range commands {
		if i == len(commands)-1 && !useful {
			break
		}
		one, err := c.ask(1, []byte(command))
		if err != nil {
			return nil, err
		}
		answers[i] = one[0]
		if i == 0 && one[0].class() != 2 {
			break
		}
		useful = useful || i > 0 && one[0].class() == 2
	}
	return answers, nil
}

// outcomes are the statuses that the envelope settled, and the indices of the
// recipients that the content decides about. A refused MAIL is everybody's.
func outcomes(mail answer, rcpts []answer) (statuses []*gateway.Status, accepted []int) {
	statuses = make([]*gateway.Status, len(rcpts))
	for i, rcpt := range rcpts {
		switch {
		case mail.class() != 2:
			statuses[i] = mail.status()
		case rcpt.class() == 2:
			accepted = append(accepted, i)
		default:
			statuses[i] = rcpt.status()
		}
	}
	return statuses, accepted
}

// deliver sends the content and fills in the reply to each accepted recipient:
// LMTP has one for each, in the order of RCPT (RFC 2033, section 4.2).
func (c *Client) deliver(content []byte, statuses []*gateway.Status, accepted []int) error {
	wire := appendWire(make([]byte, 0, len(content)+len(content)/32+64), content)
	answers, err := c.ask(len(accepted), wire)
	if err != nil {
		return err
	}
	for n, i := range accepted {
		statuses[i] = answers[n].status()
	}
	c.resetDue = false
	return nil
}
