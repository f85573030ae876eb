package sdktest

import (
	"slices"
	"strings"

	"github.com/mmgw/mmgw/sdk/wire"
)

func (c *call) RcptCount() int32 { return int32(len(c.recipients)) }

func (c *call) there(i int32) bool { return i >= 0 && int(i) < len(c.recipients) }

func (c *call) RcptGet(i int32, buf []byte) int32 {
	if !c.there(i) {
		return wire.NotFound
	}
	return put(buf, c.recipients[i])
}

func (c *call) RcptAdd(address string) int32 {
	if c.phase != phaseIncoming {
		return wire.WrongPhase
	}
	c.recipients = append(c.recipients, address)
	return 0
}

func (c *call) RcptRemove(i int32) int32 {
	if !c.there(i) {
		return wire.BadArgument
	}
	c.recipients = slices.Delete(c.recipients, int(i), int(i)+1)
	return 0
}

func (c *call) RcptSet(i int32, key, value string) int32 {
	ofPlan := key == "mail_from" || strings.HasPrefix(key, "header.")
	switch {
	case !c.there(i), !ofPlan && key != "redirect" && key != "notify":
		return wire.BadArgument
	case c.phase != phasePlan && (ofPlan || c.phase != phaseIncoming):
		return wire.WrongPhase
	}
	if c.rcptSet[int(i)] == nil {
		c.rcptSet[int(i)] = map[string]string{}
	}
	c.rcptSet[int(i)][key] = value
	return 0
}

var actions = []string{"", "accept", "reject", "defer", "discard", "hold"}

// verdictOf checks a verdict as mmgw does: the code's class fits the action.
func (c *call) verdictOf(action, code int32, enhanced, text string) (Verdict, int32) {
	class, fails := map[int32]int32{wire.Reject: 5, wire.Defer: 4}[action]
	if !fails {
		class = 2
	}
	switch {
	case c.phase != phaseRecipient && c.phase != phaseIncoming:
		return Verdict{}, wire.WrongPhase
	case action < 0 || int(action) >= len(actions):
		return Verdict{}, wire.BadArgument
	case code != 0 && code/100 != class, strings.ContainsAny(text, "\r\n\x00"):
		return Verdict{}, wire.BadArgument
	case enhanced != "" && enhanced[0] != byte('0'+class):
		return Verdict{}, wire.BadArgument
	}
	return Verdict{actions[action], int(code), enhanced, text}, 0
}

func (c *call) Verdict(action, code int32, enhanced, text string) int32 {
	v, refused := c.verdictOf(action, code, enhanced, text)
	if refused == 0 {
		c.verdict = v
	}
	return refused
}

func (c *call) RcptVerdict(i, action, code int32, enhanced, text string) int32 {
	v, refused := c.verdictOf(action, code, enhanced, text)
	switch {
	case refused != 0:
		return refused
	case !c.there(i):
		return wire.BadArgument
	}
	c.rcptVerdicts[int(i)] = v
	return 0
}
