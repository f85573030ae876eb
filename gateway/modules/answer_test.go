package modules

import (
	"errors"
	"testing"

	"github.com/mmgw/mmgw/gateway"
)

func TestAnswersDiffer(t *testing.T) {
	failed := Answer{Err: errors.New("no")}
	ruled := func(v gateway.Verdict) Answer { return Answer{Verdict: v} }
	planned := func(p gateway.Plan) Answer { return Answer{Plan: p} }
	reject := &gateway.Status{Code: 550, Text: "no"}
	edit := []gateway.Edit{{Op: gateway.DeleteField}}
	for _, c := range []struct {
		a, b Answer
		want Difference
	}{
		{ruled(gateway.Verdict{}), ruled(gateway.Verdict{Edits: []gateway.Edit{}, Usage: gateway.Usage{Fuel: 7}}), Same},
		{failed, failed, Same},
		{failed, ruled(gateway.Verdict{}), OtherVerdict},
		{ruled(gateway.Verdict{}), failed, OtherFailed},
		{ruled(gateway.Verdict{}), ruled(gateway.Verdict{Action: gateway.Hold}), OtherVerdict},
		{ruled(gateway.Verdict{Status: reject}), ruled(gateway.Verdict{Status: &gateway.Status{Code: 550, Text: "never"}}), OtherVerdict},
		{ruled(gateway.Verdict{}), ruled(gateway.Verdict{Edits: edit}), OtherEdits},
		{planned(gateway.Plan{Usage: gateway.Usage{Fuel: 1}}), planned(gateway.Plan{Recipients: map[int]gateway.RecipientPlan{}}), Same},
		{planned(gateway.Plan{}), planned(gateway.Plan{VERP: true}), OtherVerdict},
		{planned(gateway.Plan{}), planned(gateway.Plan{Recipients: map[int]gateway.RecipientPlan{3: {Removed: true}}}), OtherVerdict},
		{planned(gateway.Plan{Edits: edit}), planned(gateway.Plan{}), OtherEdits},
	} {
		if got := c.a.Compare(c.b); got != c.want {
			t.Errorf("%+v and %+v: %q, not %q", c.a, c.b, got, c.want)
		}
	}
}
