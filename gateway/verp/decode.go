package verp

import (
	"fmt"
	"strings"
	"time"

	"github.com/mmgw/mmgw/gateway"
)

// parsed is a detail in the signed, shared or opaque form, by its parts.
type parsed struct {
	message gateway.QueueID
	token   string // of Opaque
	tag     string
	member  string // "local=domain", "" where there is none
}

// parseOpaque recognises message, token and tag, or token and tag.
func parseOpaque(detail string) (p parsed, ok bool) {
	if len(detail) == messageChars+2*tagChars {
		if p.message, ok = parseMessage(detail); !ok {
			return parsed{}, false
		}
		detail = detail[messageChars:]
	}
	if len(detail) != 2*tagChars || !isBase32(detail) {
		return parsed{}, false
	}
	p.token, p.tag = detail[:tagChars], detail[tagChars:]
	return p, true
}

// parseSigned recognises message, tag, and a member where there is one.
func parseSigned(detail, delimiter string) (p parsed, ok bool) {
	if len(detail) < messageChars+tagChars {
		return parsed{}, false
	}
	p.tag = detail[messageChars : messageChars+tagChars]
	if p.message, ok = parseMessage(detail); !ok || !isBase32(p.tag) {
		return parsed{}, false
	}
	if rest := detail[messageChars+tagChars:]; rest != "" {
		p.member, ok = strings.CutPrefix(rest, delimiter)
	}
	return p, ok
}

// parseMessage reads the queue id that detail starts with.
func parseMessage(detail string) (gateway.QueueID, bool) {
	id, err := gateway.ParseQueueID(detail[:messageChars])
	return id, err == nil
}

// literal writes an address into a local part: "local=domain". It is read
// back at its last "=", which no domain has.
func literal(member string) string {
	at := strings.LastIndexByte(member, '@')
	return member[:at] + "=" + member[at+1:]
}

// parseLiteral reads what literal, Mailman or an MTA with XVERP wrote.
func parseLiteral(text string) (gateway.ForwardPath, error) {
	at := strings.LastIndexByte(text, '=')
	if at < 0 {
		return "", ErrMalformed
	}
	path, err := gateway.ParseForwardPath(text[:at] + "@" + text[at+1:])
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return path, nil
}

func (c *Codec) decodeOpaque(list *gateway.List, p parsed, now time.Time) (Decoded, error) {
	probe, ok := c.verify(subject{form: Opaque, list: list.ID, member: p.token, message: p.message}, p.tag, now)
	switch {
	case !ok:
		return Decoded{}, ErrForged
	case c.Directory == nil:
		return Decoded{}, ErrUnknownMember
	}
	member, err := c.Directory.MemberByToken(list.ID, p.token)
	switch {
	case err != nil:
		return Decoded{}, err
	case Token(list.ID, member) != p.token:
		return Decoded{}, fmt.Errorf("%w: the directory named another", ErrUnknownMember)
	}
	return Decoded{Form: Opaque, Member: member, Message: p.message, Probe: probe}, nil
}

func (c *Codec) decodeSigned(list *gateway.List, p parsed, now time.Time) (Decoded, error) {
	d := Decoded{Form: Signed, Message: p.message}
	s := subject{form: Signed, list: list.ID, message: p.message}
	if p.member != "" {
		var err error
		if d.Member, err = parseLiteral(p.member); err != nil {
			return Decoded{}, err
		}
		s.member = string(d.Member)
		if probe, ok := c.verify(s, p.tag, now); ok {
			d.Probe = probe
			return d, nil
		}
	}
	s.form, s.member = Shared, ""
	if probe, ok := c.verify(s, p.tag, now); !ok || probe {
		return Decoded{}, ErrForged
	}
	d.Form = Shared
	return d, nil
}
