package verp

import (
	"fmt"
	"strings"
	"time"

	"github.com/mmgw/mmgw/gateway"
)

// parsed is a detail in the signed, shared or opaque form, by its parts.
type parsed struct {
	form    Form
	message gateway.QueueID
	token   string // of Opaque
	tag     string
	member  string // "local=domain", "" where there is none
}

// parse recognises the forms that have a tag, by their lengths and characters.
func parse(detail, delimiter string) (parsed, bool) {
	for _, form := range []func(detail, delimiter string) (parsed, bool){parseOpaque, parseSigned, parseShared} {
		if p, ok := form(detail, delimiter); ok {
			return p, true
		}
	}
	return parsed{}, false
}

// parseOpaque recognises message, token and tag, or token and tag.
func parseOpaque(detail, _ string) (p parsed, ok bool) {
	p.form = Opaque
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

// parseSigned recognises message, tag and member.
func parseSigned(detail, delimiter string) (p parsed, ok bool) {
	if len(detail) < messageChars {
		return parsed{}, false
	}
	message, ok := parseMessage(detail)
	if !ok {
		return parsed{}, false
	}
	p, ok = parseShared(detail[messageChars:], delimiter)
	p.form, p.message = Signed, message
	return p, ok && p.member != ""
}

// parseShared recognises a tag and a member, or only a tag, which may also be the token
// of a brief opaque form.
func parseShared(detail, delimiter string) (p parsed, ok bool) {
	if len(detail) < tagChars || !isBase32(detail[:tagChars]) {
		return parsed{}, false
	}
	p.form, p.tag = Shared, detail[:tagChars]
	if rest := detail[tagChars:]; rest != "" {
		p.member, ok = strings.CutPrefix(rest, delimiter)
		return p, ok && p.member != ""
	}
	return p, true
}

// parseMessage reads the queue id that detail starts with.
func parseMessage(detail string) (gateway.QueueID, bool) {
	id, err := gateway.ParseQueueID(detail[:messageChars])
	return id, err == nil
}

// literal is an address as part of a local part: "local=domain". The last "=" separates
// the two, since no domain has one.
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

func (c *Codec) decode(list *gateway.List, p parsed, now time.Time) (Decoded, error) {
	if p.form == Opaque {
		return c.decodeOpaque(list, p, now)
	}
	s := subject{form: p.form, list: list.ID, message: p.message}
	d := Decoded{Form: p.form, Message: p.message}
	if p.member != "" {
		var err error
		if d.Member, err = parseLiteral(p.member); err != nil {
			return Decoded{}, err
		}
	}
	if p.form == Signed {
		s.member = string(d.Member)
	}
	probe, ok := c.verify(s, p.tag, now)
	switch {
	case ok && p.form == Signed:
		d.Probe = probe
		return d, nil
	case ok && !probe:
		return d, nil
	case p.form == Shared && p.member == "":
		return c.decodeBrief(list, p.tag, now)
	}
	return Decoded{}, ErrForged
}

func (c *Codec) decodeOpaque(list *gateway.List, p parsed, now time.Time) (Decoded, error) {
	probe, ok := c.verify(subject{form: Opaque, list: list.ID, member: p.token, message: p.message}, p.tag, now)
	if !ok {
		return Decoded{}, ErrForged
	}
	member, err := c.memberByToken(list.ID, p.token)
	switch {
	case err != nil:
		return Decoded{}, err
	case Token(list.ID, member) != p.token:
		return Decoded{}, fmt.Errorf("%w: the directory has another for it", ErrUnknownMember)
	}
	return Decoded{Form: Opaque, Member: member, Message: p.message, Probe: probe}, nil
}

// decodeBrief reads a tag that is a token too: it is valid for the member whom the
// directory finds by it, and no other.
func (c *Codec) decodeBrief(list *gateway.List, tag string, now time.Time) (Decoded, error) {
	member, err := c.memberByToken(list.ID, tag)
	if err != nil {
		return Decoded{}, err
	}
	probe, ok := c.verify(subject{form: brief, list: list.ID, member: member.Key()}, tag, now)
	if !ok {
		return Decoded{}, ErrForged
	}
	return Decoded{Form: Opaque, Member: member, Probe: probe}, nil
}

func (c *Codec) memberByToken(list gateway.ListID, token string) (gateway.ForwardPath, error) {
	if c.Directory == nil {
		return "", ErrUnknownMember
	}
	return c.Directory.MemberByToken(list, token)
}
