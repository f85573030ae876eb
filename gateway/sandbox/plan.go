package sandbox

import (
	"strconv"
	"time"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/sdk/wire"
)

// Limits of a plan.
const (
	PriorityMax  = 100               // either way
	planTimeMax  = 4_102_444_800_000 // the year 2100 in milliseconds; a later time is a mistake
	ownFieldsMax = 20                // header fields of one recipient's own copy
)

// setRecipientsMax takes how many recipients a transaction may have, at most those
// of a batch.
func (c *call) setRecipientsMax(value string) bool {
	n, err := strconv.Atoi(value)
	if err != nil || n < 1 || n > gateway.BatchRecipientsMax {
		return false
	}
	c.plan.RecipientsMax = n
	return true
}

// setChunkBy takes "domain" or "none".
func (c *call) setChunkBy(value string) bool {
	c.plan.ByDomain = value == "domain"
	return value == "domain" || value == "none"
}

// setVERP takes "1" or "0".
func (c *call) setVERP(value string) bool {
	c.plan.VERP = value == "1"
	return value == "1" || value == "0"
}

// setReversePath takes the reverse-path of all copies, which may be the null one.
func (c *call) setReversePath(value string) bool {
	path, err := gateway.ParseReversePath(value)
	if err == nil {
		c.plan.ReversePath = &path
	}
	return err == nil
}

// setPriority takes a number from -PriorityMax to PriorityMax.
func (c *call) setPriority(value string) bool {
	n, err := strconv.Atoi(value)
	if err != nil || n < -PriorityMax || n > PriorityMax {
		return false
	}
	c.plan.Priority = n
	return true
}

// setNotBefore takes the time before which no copy is tried.
func (c *call) setNotBefore(value string) bool { return setTime(&c.plan.NotBefore, value) }

// setExpires takes the time after which no copy is tried again.
func (c *call) setExpires(value string) bool { return setTime(&c.plan.Expires, value) }

// setTime takes milliseconds since 1970.
func setTime(t *time.Time, value string) bool {
	ms, err := strconv.ParseInt(value, 10, 64)
	if err != nil || ms < 0 || ms > planTimeMax {
		return false
	}
	*t = time.UnixMilli(ms)
	return true
}

// setOwnReversePath takes the reverse-path of one recipient's copy, which may have
// placeholders. It is checked with these filled in.
func (c *call) setOwnReversePath(source int, value string) int64 {
	if !c.plugin.grants(wire.CapRecipients) {
		return wire.NotPermitted
	}
	copied := gateway.Copy{Member: c.recipient(source), VERP: "list-bounces@example.com"}
	if _, err := gateway.ParseReversePath(copied.Fill(value)); err != nil {
		return wire.BadArgument
	}
	c.fate(source, func(_ *gateway.Disposition, p *gateway.RecipientPlan) { p.ReversePath = value })
	return 0
}

// setOwnField gives one recipient's copy a header field of its own.
func (c *call) setOwnField(source int, name, value string) int64 {
	if !c.plugin.grants(wire.CapHeaders) {
		return wire.NotPermitted
	}
	if _, err := gateway.NewField(name, value); err != nil {
		return wire.BadArgument
	}
	result := int64(0)
	c.fate(source, func(_ *gateway.Disposition, p *gateway.RecipientPlan) {
		if _, there := p.Header[name]; !there && len(p.Header) >= ownFieldsMax || len(value) > HeaderValueBytesMax {
			result = wire.Limit
			return
		}
		if p.Header == nil {
			p.Header = map[string]string{}
		}
		p.Header[name] = value
	})
	return result
}

// planned is the plan of a call that returned 0.
func (c *call) planned() gateway.Plan {
	plan := c.plan
	plan.Route, plan.Edits, plan.Usage = c.decision.route, c.header.edits, c.used
	plan.Recipients = c.recipients.planned
	return plan
}
