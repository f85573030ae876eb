package modules

import (
	"context"
	"maps"
	"reflect"
	"slices"

	"github.com/mmgw/mmgw/gateway"
)

// Answer is what a module answered to a call: a verdict, a plan in PhasePlan, or an
// error.
type Answer struct {
	Verdict gateway.Verdict
	Plan    gateway.Plan
	Err     error
}

// answerer is what can be asked: a *sandbox.Plugin or a *Lease.
type answerer interface {
	gateway.Handler
	gateway.Planner
}

// Ask asks a module for its answer in whatever phase x is.
func Ask(ctx context.Context, m answerer, x *gateway.Exchange) (a Answer) {
	if x.Phase == gateway.PhasePlan {
		a.Plan, a.Err = m.Plan(ctx, x)
	} else {
		a.Verdict, a.Err = m.Handle(ctx, x)
	}
	return a
}

// Edits are the edits of the verdict or the plan.
func (a Answer) Edits() []gateway.Edit {
	if a.Plan.Edits != nil {
		return a.Plan.Edits
	}
	return a.Verdict.Edits
}

// Usage is what the call cost.
func (a Answer) Usage() gateway.Usage {
	if a.Plan.Usage != (gateway.Usage{}) {
		return a.Plan.Usage
	}
	return a.Verdict.Usage
}

// Difference is how the answer of another module to the same call differs.
type Difference string

// The differences, the most serious first.
const (
	Same         Difference = ""
	OtherFailed  Difference = "failed"  // only the other module failed
	OtherVerdict Difference = "verdict" // another verdict or plan, or only this module failed
	OtherEdits   Difference = "edits"   // the same verdict or plan, but other edits
)

// Compare says how the answer of another module differs. If both failed they are
// the same.
func (a Answer) Compare(other Answer) Difference {
	switch {
	case a.Err != nil && other.Err != nil:
		return Same
	case other.Err != nil:
		return OtherFailed
	case a.Err != nil || !sameVerdict(a.Verdict, other.Verdict) || !samePlan(a.Plan, other.Plan):
		return OtherVerdict
	case !sameEdits(a.Edits(), other.Edits()):
		return OtherEdits
	}
	return Same
}

func sameEdits(a, b []gateway.Edit) bool { return len(a)+len(b) == 0 || reflect.DeepEqual(a, b) }

// samePlan compares what two modules plan, except for their edits and their cost.
func samePlan(a, b gateway.Plan) bool {
	a.Edits, a.Usage, a.Module, b.Edits, b.Usage, b.Module = nil, gateway.Usage{}, "", nil, gateway.Usage{}, ""
	if len(a.Recipients)+len(b.Recipients) == 0 {
		a.Recipients, b.Recipients = nil, nil
	}
	return reflect.DeepEqual(a, b)
}

// sameVerdict compares what two modules want, except for their edits.
func sameVerdict(a, b gateway.Verdict) bool {
	return a.Action == b.Action && sameStatus(a.Status, b.Status) && a.Route == b.Route && slices.Equal(a.Added, b.Added) &&
		maps.EqualFunc(a.Recipients, b.Recipients, func(x, y gateway.Disposition) bool {
			return x.Action == y.Action && sameStatus(x.Status, y.Status) && x.Removed == y.Removed &&
				x.Redirect == y.Redirect && reflect.DeepEqual(x.Notify, y.Notify)
		})
}

func sameStatus(a, b *gateway.Status) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Code == b.Code && a.Enhanced == b.Enhanced && a.Text == b.Text
}
