package pipeline

import (
	"crypto/sha256"
	"slices"

	"github.com/mmgw/mmgw/gateway"
)

// copies makes the copies of a batch, as they leave.
type copies struct {
	*Deliverer
	m   *gateway.Message
	leg *gateway.Leg
	b   *gateway.Batch

	draft *gateway.Draft  // the message with the leg's edits, up to the first that differs from copy to copy
	own   []gateway.Edit  // the leg's edits from that one on
	plain gateway.Content // of draft

	signatures memo[[sha256.Size]byte, []gateway.Field] // by what they cover
}

// open applies the edits that all copies share.
func (c *copies) open() (err error) {
	shared := c.leg.Edits
	if at := slices.IndexFunc(shared, isTemplate); at >= 0 {
		shared, c.own = shared[:at], shared[at:]
	}
	if c.draft, err = gateway.OpenDraft(c.m.Content, shared...); err != nil {
		return err
	}
	c.plain = c.draft.Content()
	return nil
}

// content is the copy of one delivery: the draft with the rest of the leg's edits, the
// batch's edits and the delivery's own, filled in for its member, and then signed.
func (c *copies) content(d *gateway.Delivery) (gateway.Content, error) {
	if len(c.own)+len(c.b.Edits)+len(d.Edits) == 0 && c.Signer == nil {
		return c.plain, nil
	}
	draft := c.draft.Clone()
	own := gateway.Copy{Member: d.Recipients[0], VERP: d.ReversePath}
	if c.Unsubscribe != nil && (slices.ContainsFunc(c.own, isTemplate) || slices.ContainsFunc(c.b.Edits, isTemplate)) {
		own.UnsubscribeURL = c.Unsubscribe(c.leg.List, own.Member.Path)
	}
	for _, edits := range [][]gateway.Edit{own.FillEdits(c.own), own.FillEdits(c.b.Edits), d.Edits} {
		if err := draft.Apply(edits...); err != nil {
			return nil, err
		}
	}
	if c.Signer != nil {
		ownBody := slices.ContainsFunc(slices.Concat(c.b.Edits, d.Edits), func(e gateway.Edit) bool { return e.Op == gateway.ReplaceBody })
		if err := c.signed(d, draft, ownBody); err != nil {
			return nil, err
		}
	}
	return draft.Content(), nil
}
