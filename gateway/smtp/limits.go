package smtp

import (
	"strconv"
	"strings"
)

// isSpent says whether a connection has had as many transactions as it may have, by our
// limit or by the server's MAILMAX (RFC 9422).
func (c *Conn) isSpent() bool {
	ours, theirs := c.options.MessagesMax, c.mailsMax
	return ours > 0 && c.begun >= ours || theirs > 0 && c.begun >= theirs
}

// limit is a limit that the server announced (RFC 9422, section 4), or 0. One that is not
// a positive number is ignored.
func (c *Conn) limit(name string) int {
	parameters, _ := c.Offers("LIMITS")
	for _, field := range strings.Fields(parameters) {
		key, value, _ := strings.Cut(field, "=")
		if n, err := strconv.Atoi(value); err == nil && n > 0 && strings.EqualFold(key, name) {
			return n
		}
	}
	return 0
}

// isLax says whether the server speaks LMTP without PIPELINING, which every LMTP server
// must have (RFC 2033, section 5). GNU Mailman 3 is one, like everything that is built on
// aiosmtpd. Such a server breaks two more rules: it refuses a message with one reply to
// the final dot, not one for each recipient (section 4.2), so that a client would wait for
// the others in vain; and it answers 550 there for any temporary fault.
func (c *Conn) isLax() bool { return c.options.Protocol == LMTP && !c.Pipelines() }

// keepLimits leaves recipients for another transaction if the server does not take as many
// in one, by their number or by that of their domains. A lax server gets them one by one.
func (t *transaction) keepLimits() {
	most, domainsMost := t.conn.limit("RCPTMAX"), t.conn.limit("RCPTDOMAINMAX")
	if t.conn.isLax() {
		most = 1
	}
	if most == 0 && domainsMost == 0 {
		return
	}
	domains := map[string]bool{}
	kept := t.open[:0]
	for _, i := range t.open {
		domain := t.paths[i].Domain()
		if most > 0 && len(kept) == most || domainsMost > 0 && len(domains) == domainsMost && !domains[domain] {
			t.left[i] = true
			continue
		}
		domains[domain] = true
		kept = append(kept, i)
	}
	t.open = kept
}
