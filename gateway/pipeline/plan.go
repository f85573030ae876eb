package pipeline

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/mmgw/mmgw/gateway"
)

// batch makes the deliveries of a batch of members as a plan says.
func (x *expansion) batch(ctx context.Context, plan gateway.Plan, members []gateway.Recipient) (*gateway.Batch, error) {
	b := x.newBatch()
	b.Edits = plan.Edits
	b.Priority -= plan.Priority
	if plan.NotBefore.After(b.Due) {
		b.Due = plan.NotBefore
	}
	if !plan.Expires.IsZero() && plan.Expires.Before(b.Expires) {
		b.Expires = plan.Expires
	}
	personal := slices.ContainsFunc(plan.Edits, isTemplate) || slices.ContainsFunc(x.leg.Edits, isTemplate)
	shared := map[string][]gateway.Recipient{}
	offload := plan.VERP && !personal && plan.ReversePath == nil && x.offloads(ctx, plan)
	if plan.VERP && !offload || personal {
		b.Deliveries = make([]gateway.Delivery, 0, len(members))
	}
	for i, member := range members {
		own := plan.Recipients[i]
		if own.Removed {
			continue
		}
		if own.Redirect != "" {
			member.Path = own.Redirect
		}
		if own.Notify != nil {
			member.Notify = *own.Notify
		}
		byHost := offload && x.VERP.Shares(x.list, member.Path)
		if plan.VERP && !byHost || personal || own.ReversePath != "" || len(own.Header) > 0 {
			d, err := x.personal(plan, own, member)
			if err != nil {
				return nil, err
			}
			b.Deliveries = append(b.Deliveries, d)
			continue
		}
		key := shareKey(plan, member.Path)
		shared[key] = append(shared[key], member)
	}
	for _, key := range slices.Sorted(maps.Keys(shared)) {
		x.share(b, plan, shared[key])
	}
	return b, nil
}

// isTemplate says whether each copy has its own text by an edit.
func isTemplate(e gateway.Edit) bool { return e.Template }

// offloads says whether the next hop of a plan adds members to a reverse-path
// (XVERP), so that those who can share one share a transaction.
func (x *expansion) offloads(ctx context.Context, plan gateway.Plan) bool {
	return x.XVERP != nil && x.VERP.XVERP() != "" && x.XVERP(ctx, cmp.Or(plan.Route, x.leg.Route))
}

// shareKey is equal for recipients that may share a transaction: those that
// need SMTPUTF8 do not keep the others from hosts without it.
func shareKey(plan gateway.Plan, path gateway.ForwardPath) string {
	key := "ascii "
	if !path.IsASCII() {
		key = "utf-8 "
	}
	if plan.ByDomain {
		key += path.Domain()
	}
	return key
}

// share makes deliveries for recipients that get the same copy.
func (x *expansion) share(b *gateway.Batch, plan gateway.Plan, members []gateway.Recipient) {
	limit := x.RecipientsMax
	if plan.RecipientsMax > 0 {
		limit = min(limit, plan.RecipientsMax)
	}
	for chunk := range chunks(members, limit) {
		d := x.delivery(plan, x.reversePath(plan), chunk)
		if plan.VERP {
			d.ReversePath, d.XVERP = x.VERP.EncodeShared(x.list), x.VERP.XVERP()
		}
		b.Deliveries = append(b.Deliveries, d)
	}
}

// personal makes the delivery of one member's own copy.
func (x *expansion) personal(plan gateway.Plan, own gateway.RecipientPlan, member gateway.Recipient) (gateway.Delivery, error) {
	c := gateway.Copy{Member: member, VERP: x.reversePath(plan)}
	if plan.VERP {
		c.VERP, _ = x.VERP.Encode(x.list, member.Path, x.m.ID)
		if token := x.VERP.Token(c.VERP); token != "" {
			if err := x.Remember(x.list.ID, member.Path, token); err != nil {
				return gateway.Delivery{}, err
			}
		}
	}
	from := c.VERP
	if own.ReversePath != "" {
		path, err := gateway.ParseReversePath(c.Fill(own.ReversePath))
		if err != nil {
			return gateway.Delivery{}, fmt.Errorf("the planner's mail_from for %s: %w", member.Path, err)
		}
		from = path
	}
	d := x.delivery(plan, from, []gateway.Recipient{member})
	for _, name := range slices.Sorted(maps.Keys(own.Header)) {
		edit := gateway.Edit{Op: gateway.InsertField, Name: name, Value: c.Fill(own.Header[name])}
		if _, err := gateway.NewField(edit.Name, edit.Value); err != nil {
			return d, fmt.Errorf("the planner's header for %s: %w", member.Path, err)
		}
		d.Edits = append(d.Edits, edit)
	}
	return d, nil
}

func (x *expansion) reversePath(plan gateway.Plan) gateway.ReversePath {
	if plan.ReversePath != nil {
		return *plan.ReversePath
	}
	return gateway.ReversePath(x.list.ServiceAddress("-bounces"))
}

func (x *expansion) delivery(plan gateway.Plan, from gateway.ReversePath, members []gateway.Recipient) gateway.Delivery {
	return gateway.Delivery{ReversePath: from, Recipients: members, Route: cmp.Or(plan.Route, x.leg.Route), Envelope: x.parameters()}
}

// parameters of MAIL that go on with the content. A list's members get no
// notices for its posters (RFC 3461, section 5.2.7).
func (x *expansion) parameters() gateway.Envelope {
	return gateway.Envelope{BodyType: x.m.Envelope.BodyType, SMTPUTF8: x.m.Envelope.SMTPUTF8}
}

func (x *expansion) newBatch() *gateway.Batch {
	return &gateway.Batch{
		Message: x.m.ID, Leg: x.at, Number: x.leg.Batches,
		Priority: x.leg.Service.Priority(), Due: time.Now(), Expires: x.expires,
	}
}

// chunks cuts all into pieces of at most n; n below 1 means one piece.
func chunks[T any](all []T, n int) iter.Seq[[]T] {
	if n < 1 {
		n = max(len(all), 1)
	}
	return slices.Chunk(all, n)
}
