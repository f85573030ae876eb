package sandbox

import (
	"slices"
	"strings"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/sdk/wire"
)

// recipientState is the recipients as the call has left them so far. An index of
// the ABI counts in view once the call has changed something, and in the exchange
// before.
type recipientState struct {
	view    []int // of each recipient the source: its index in Exchange.Recipients, or ^index in added
	changed bool  // view is in use
	added   []gateway.Recipient
	fates   map[int]gateway.Disposition   // by index in Exchange.Recipients
	planned map[int]gateway.RecipientPlan // likewise
}

// listed are the recipients that the call started with. Outgoing handlers see
// none. A result whose batch is gone has only its own recipient.
func (c *call) listed() []gateway.Recipient {
	x := c.exchange
	if c.hook == hookOutgoing {
		return nil
	}
	if c.hook == hookResult && len(x.Recipients) == 0 && x.Result != nil {
		return []gateway.Recipient{x.Result.Recipient}
	}
	return x.Recipients
}

// source says which recipient an index of the ABI stands for: an index in the
// exchange, or if it is negative ^index in added.
func (c *call) source(i int) (int, bool) {
	if c.recipients.changed {
		if i < 0 || i >= len(c.recipients.view) {
			return 0, false
		}
		return c.recipients.view[i], true
	}
	return i, i >= 0 && i < len(c.listed())
}

// change makes the view, before the first change.
func (c *call) change() {
	if c.recipients.changed {
		return
	}
	for i := range c.listed() {
		c.recipients.view = append(c.recipients.view, i)
	}
	c.recipients.changed = true
	c.spend(int64(len(c.recipients.view)))
}

// recipient is the one that a source stands for.
func (c *call) recipient(source int) gateway.Recipient {
	if source < 0 {
		return c.recipients.added[^source]
	}
	return c.listed()[source]
}

// argument is the index of the recipient that mmgw_rcpt and mmgw_result are called
// for. The one that RCPT has just named is the last.
func (c *call) argument() uint64 {
	switch c.hook {
	case hookRecipient:
		return uint64(max(len(c.exchange.Recipients)-1, 0))
	case hookResult:
		if r := c.exchange.Result; r != nil {
			i := slices.IndexFunc(c.exchange.Recipients, func(o gateway.Recipient) bool { return o.Path == r.Recipient.Path })
			return uint64(max(i, 0))
		}
	}
	return 0
}

// seesMembers says whether the module may see the addresses of recipients: for
// the members of a list it needs a capability.
func (c *call) seesMembers() bool {
	return c.hook&(hookPlan|hookResult) == 0 || c.exchange.List == nil || c.plugin.grants(wire.CapMembers)
}

// rcpt_count() -> number
func (c *call) rcptCount([]uint64) int64 {
	if c.recipients.changed {
		return int64(len(c.recipients.view))
	}
	return int64(len(c.listed()))
}

// rcpt_get(i, buf, cap) -> length
func (c *call) rcptGet(a []uint64) int64 {
	source, ok := c.source(int(int32(a[0])))
	switch {
	case !ok:
		return wire.NotFound
	case !c.seesMembers():
		return wire.NotPermitted
	}
	return c.reply(string(c.recipient(source).Path), a[1], a[2])
}

// maySendTo says whether a module may name an address as a recipient: without the
// capability relay only one of this site.
func (c *call) maySendTo(path gateway.ForwardPath) bool {
	local := c.plugin.host.env.Local
	return c.plugin.grants(wire.CapRelay) || local != nil && local(path)
}

// rcpt_add(ptr, len) -> 0
func (c *call) rcptAdd(a []uint64) int64 {
	path, err := gateway.ParseForwardPath(c.text(a[0], a[1]))
	switch {
	case err != nil:
		return wire.BadArgument
	case !c.maySendTo(path):
		return wire.NotPermitted
	case len(c.recipients.added) >= RecipientsAddedMax:
		return wire.Limit
	}
	c.change()
	c.recipients.added = append(c.recipients.added, gateway.Recipient{Path: path})
	c.recipients.view = append(c.recipients.view, ^(len(c.recipients.added) - 1))
	return 0
}

// rcpt_remove(i) -> 0
func (c *call) rcptRemove(a []uint64) int64 {
	i := int(int32(a[0]))
	source, ok := c.source(i)
	if !ok {
		return wire.BadArgument
	}
	c.change()
	c.spend(int64(len(c.recipients.view)-i) / octetsPerUnit)
	c.recipients.view = slices.Delete(c.recipients.view, i, i+1)
	if source >= 0 {
		c.fate(source, func(d *gateway.Disposition, p *gateway.RecipientPlan) { d.Removed, p.Removed = true, true })
	}
	return 0
}

// fate changes what happens to one of the exchange's recipients, in the verdict
// and in the plan: whichever of them the hook has is used.
func (c *call) fate(source int, change func(*gateway.Disposition, *gateway.RecipientPlan)) {
	s := &c.recipients
	if s.fates == nil {
		s.fates, s.planned = map[int]gateway.Disposition{}, map[int]gateway.RecipientPlan{}
	}
	d, p := s.fates[source], s.planned[source]
	change(&d, &p)
	s.fates[source], s.planned[source] = d, p
}

// rcpt_set(i, key, klen, val, vlen) -> 0
func (c *call) rcptSet(a []uint64) int64 {
	key, value := c.text(a[1], a[2]), c.text(a[3], a[4])
	source, ok := c.source(int(int32(a[0])))
	if !ok {
		return wire.BadArgument
	}
	name, isField := strings.CutPrefix(key, "header.")
	switch {
	case key == "redirect":
		return c.setRedirect(source, value)
	case key == "notify":
		return c.setNotify(source, value)
	case key != "mail_from" && !isField:
		return wire.BadArgument
	case c.hook != hookPlan:
		return wire.WrongPhase
	case isField:
		return c.setOwnField(source, name, value)
	}
	return c.setOwnReversePath(source, value)
}

// setRedirect sends the mail for one recipient to another address. A recipient
// that the module itself added cannot be redirected, only removed.
func (c *call) setRedirect(source int, value string) int64 {
	path, err := gateway.ParseForwardPath(value)
	switch {
	case !c.plugin.grants(wire.CapRecipients):
		return wire.NotPermitted
	case err != nil || source < 0:
		return wire.BadArgument
	case !c.maySendTo(path):
		return wire.NotPermitted
	}
	c.fate(source, func(d *gateway.Disposition, p *gateway.RecipientPlan) { d.Redirect, p.Redirect = path, path })
	return 0
}

// notifies are the words of NOTIFY.
var notifies = map[string]gateway.Notify{
	"never": gateway.NotifyNever, "success": gateway.NotifySuccess,
	"failure": gateway.NotifyFailure, "delay": gateway.NotifyDelay,
}

// setNotify takes "never", or a list such as "failure,delay" (RFC 3461,
// section 4.1).
func (c *call) setNotify(source int, value string) int64 {
	var set gateway.Notify
	for word := range strings.SplitSeq(strings.ToLower(value), ",") {
		bit, ok := notifies[word]
		if !ok {
			return wire.BadArgument
		}
		set |= bit
	}
	switch {
	case set&gateway.NotifyNever != 0 && set != gateway.NotifyNever:
		return wire.BadArgument
	case source < 0:
		c.recipients.added[^source].Notify = set
	default:
		c.fate(source, func(d *gateway.Disposition, p *gateway.RecipientPlan) { d.Notify, p.Notify = &set, &set })
	}
	return 0
}
