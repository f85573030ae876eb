package pipeline

import (
	"slices"
	"testing"

	"github.com/mmgw/mmgw/gateway"
)

// A handler that discards a leg does not see whom one before it refused or
// held: those are refused or held all the same.
func TestDiscardSparesWhoIsRuledOn(t *testing.T) {
	h := newHouse(t, devList("anne@example.com"))
	once := func(v gateway.Verdict) Step {
		return Step{Handler: handlerFunc(func(x *gateway.Exchange) (gateway.Verdict, error) {
			if x.Phase != gateway.PhaseIncoming {
				return gateway.Verdict{}, nil
			}
			return v, nil
		})}
	}
	h.incoming = Chain{
		once(gateway.Verdict{Recipients: map[gateway.RecipientID]gateway.Disposition{
			0: {Action: gateway.Reject, Status: refusal}, 1: {Action: gateway.Hold},
		}}),
		once(gateway.Verdict{Action: gateway.Discard}),
	}
	replies := h.post("anne@example.com", hello, "a@backend.example.com", "b@backend.example.com", "c@backend.example.com")
	if !slices.Equal(replies, []string{"550 5.7.1 no", accepted, accepted}) {
		t.Errorf("replies %q", replies)
	}
	if h.settle(); h.spooled() != 1 || len(h.sent) != 0 {
		t.Errorf("%d held, %d sent", h.spooled(), len(h.sent))
	}
}
