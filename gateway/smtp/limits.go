package smtp

import (
	"strconv"
	"strings"
)

// isSpent says whether a connection had all the transactions that it may have, by
// our limit or by MAILMAX of the server (RFC 9422).
func (c *Conn) isSpent() bool {
	ours, theirs := c.options.MessagesMax, c.mailsMax
	return ours > 0 && c.begun >= ours || theirs > 0 && c.begun >= theirs
}

// limit is a limit that the server announced (RFC 9422, section 4), 0 for none.
// One that is not a number is none.
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

// isLax says whether the server speaks LMTP without PIPELINING, which every
// such server must have (RFC 2033, section 5). GNU Mailman 3 is one, and with it
// all that aiosmtpd's engine serves. Two more things are then not to be believed:
// that each recipient gets a reply to the final dot (section 4.2), for a message
// as a whole is refused by one reply, whose fellows a client would wait for in
// vain; and a plain 550 there, which stands for any fault of the moment.
func (c *Conn) isLax() bool { return c.options.Protocol == LMTP && !c.Pipelines() }

// keepLimits leaves the recipients for another transaction that are more than
// the server said it takes in one, by their number or by that of their domains.
// A lax one gets them one by one.
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
