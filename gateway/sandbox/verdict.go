package sandbox

import (
	"slices"
	"strings"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/sdk/wire"
)

// decision is what the module decided with the functions verdict and set. Its last
// call of each counts.
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

// usualStatus is the status of an action if the module gives no code or text: a
// failure for Reject and Defer, a success otherwise.
func usualStatus(action gateway.Action) *gateway.Status {
	switch action {
	case gateway.Reject:
		return &gateway.Status{Code: 550, Enhanced: gateway.EnhancedCode{5, 7, 1}, Text: "refused by a rule of this site"}
	case gateway.Defer:
		return &gateway.Status{Code: 451, Enhanced: gateway.EnhancedCode{4, 7, 1}, Text: "put off by a rule of this site, try again later"}
	}
	return &gateway.Status{Code: 250, Enhanced: gateway.EnhancedCode{2, 0, 0}}
}

// judge reads and checks the arguments action, code, enh, enhlen, text, textlen.
// The status is nil for an action that needs none.
func (c *call) judge(a []uint64) (gateway.Action, *gateway.Status, bool) {
	action, code := gateway.Action(int32(a[0])), int(int32(a[1]))
	enhanced, text := c.text(a[2], a[3]), c.text(a[4], a[5])
	if action < gateway.Continue || action > gateway.Hold || strings.ContainsAny(text, "\r\n\x00") {
		return 0, nil, false
	}
	status := usualStatus(action)
	class := status.Class()
	if enhanced != "" {
		parsed, err := gateway.ParseEnhancedCode(enhanced)
		if err != nil || parsed[0] != int(class) {
			return 0, nil, false
		}
		status.Enhanced = parsed
	}
	if code != 0 {
		if !isReplyCode(code, int(class)) {
			return 0, nil, false
		}
		status.Code = code
	}
	if text != "" {
		status.Text = gateway.Printable(text)
	}
	if class == gateway.Success && (action != gateway.Hold || text == "") {
		status = nil
	}
	return action, status, true
}

// isReplyCode says whether a code is a reply code of a class by RFC 5321, section
// 4.2. 421 is not allowed: it announces that the connection closes, which a module
// cannot decide.
func isReplyCode(code, class int) bool {
	return code/100 == class && code/10%10 <= 5 && code != 421
}

// setRoute takes the name of a route of the configuration.
func (c *call) setRoute(name string) bool {
	known := slices.Contains(c.exchange.RouteNames, name)
	if known {
		c.decision.route = name
	}
	return known
}

// result is the verdict of a call that returned 0.
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

// added are the recipients that the module added and did not remove again.
func (c *call) added() (all []gateway.Recipient) {
	for _, source := range c.recipients.view {
		if source < 0 {
			all = append(all, c.recipients.added[^source])
		}
	}
	return all
}

// recipientID is the ID of one of the exchange's recipients, by its index.
func (c *call) recipientID(i int) gateway.RecipientID {
	if leg := c.exchange.Leg; leg != nil && i < len(leg.Recipients) {
		return leg.Recipients[i]
	}
	return gateway.RecipientID(i)
}
