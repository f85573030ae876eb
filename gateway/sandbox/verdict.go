package sandbox

import (
	"strings"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/sdk/wire"
)

// decision is what the call said by verdict and set. The last word counts.
type decision struct {
	action gateway.Action
	status *gateway.Status
	route  string
}

// verdict(action, code, enh, enhlen, text, textlen) -> 0
func (c *call) verdict(a []uint64) int64 {
	action, status, ok := c.judge(a)
	if !ok {
		return wire.BadArgument
	}
	c.decision.action, c.decision.status = action, status
	return 0
}

// rcpt_verdict(i, action, code, enh, enhlen, text, textlen) -> 0
func (c *call) rcptVerdict(a []uint64) int64 {
	action, status, ok := c.judge(a[1:])
	source, there := c.source(int(int32(a[0])))
	if !ok || !there || source < 0 {
		return wire.BadArgument
	}
	c.fate(source, func(d *gateway.Disposition, _ *gateway.RecipientPlan) { d.Action, d.Status = action, status })
	return 0
}

// reply is what is said where a module gives no code or text of its own.
type reply struct {
	class int
	code  int
	enh   gateway.EnhancedCode
	text  string
}

// replies are those of the actions that are answered by a failure; the others
// are answered by success, and a code that they are given must be one.
var replies = map[gateway.Action]reply{
	gateway.Reject: {5, 550, gateway.EnhancedCode{5, 7, 1}, "refused by a rule of this site"},
	gateway.Defer:  {4, 451, gateway.EnhancedCode{4, 7, 1}, "put off by a rule of this site, try again later"},
}

// judge reads action, code, enh, enhlen, text, textlen.
func (c *call) judge(a []uint64) (gateway.Action, *gateway.Status, bool) {
	action, code := gateway.Action(int32(a[0])), int(int32(a[1]))
	enhanced, text := c.text(a[2], a[3]), c.text(a[4], a[5])
	if action < gateway.Continue || action > gateway.Hold || strings.ContainsAny(text, "\r\n\x00") {
		return 0, nil, false
	}
	usual, fails := replies[action]
	if !fails {
		usual = reply{2, 250, gateway.EnhancedCode{2, 0, 0}, ""}
	}
	status := &gateway.Status{Code: usual.code, Enhanced: usual.enh, Text: usual.text}
	if enhanced != "" {
		parsed, err := gateway.ParseEnhancedCode(enhanced)
		if err != nil || parsed[0] != usual.class {
			return 0, nil, false
		}
		status.Enhanced = parsed
	}
	if code != 0 {
		if !isReplyCode(code, usual.class) {
			return 0, nil, false
		}
		status.Code = code
	}
	if text != "" {
		status.Text = gateway.Printable(text)
	}
	if !fails && (action != gateway.Hold || text == "") {
		status = nil
	}
	return action, status, true
}

// isReplyCode says whether a code is one of RFC 5321, section 4.2, in a class.
// 421 is not: it announces that the connection closes, which is the server's
// to say.
func isReplyCode(code, class int) bool {
	return code/100 == class && code/10%10 <= 5 && code != 421
}

// setRoute takes the name of a route of the configuration, and no other.
func (c *call) setRoute(name string) bool {
	for _, known := range c.exchange.RouteNames {
		if known == name {
			c.decision.route = name
			return true
		}
	}
	return false
}

// result is the verdict of a call that came back with 0.
func (c *call) result() gateway.Verdict {
	v := gateway.Verdict{
		Action: c.decision.action, Status: c.decision.status, Route: c.decision.route,
		Edits: c.edits(), Added: c.added(), Usage: c.used,
	}
	if len(c.recipients.fates) > 0 {
		v.Recipients = make(map[gateway.RecipientID]gateway.Disposition, len(c.recipients.fates))
		for i, d := range c.recipients.fates {
			v.Recipients[c.recipientID(i)] = d
		}
	}
	return v
}

// added are the added recipients that were not removed again.
func (c *call) added() (all []gateway.Recipient) {
	for _, source := range c.recipients.view {
		if source < 0 {
			all = append(all, c.recipients.added[^source])
		}
	}
	return all
}

// recipientID is the identity of one of the exchange's recipients.
func (c *call) recipientID(i int) gateway.RecipientID {
	if leg := c.exchange.Leg; leg != nil && i < len(leg.Recipients) {
		return leg.Recipients[i]
	}
	return gateway.RecipientID(i)
}
