package sandbox

import (
	"reflect"
	"testing"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/sdk/wire"
)

// TestSamplesDoTheSame calls every hook of every module that is committed, with
// its meter and without: what they say is the same.
func TestSamplesDoTheSame(t *testing.T) {
	for name, spec := range samples(t) {
		t.Run(name, func(t *testing.T) {
			spec.Isolation, spec.Capabilities = Pooled, capabilities[:]
			counted, plain := load(t, Env{}, spec), unmetered(t, spec)
			hooks := 0
			for phase := gateway.PhaseRecipient; phase <= gateway.PhaseResult; phase++ {
				if counted.Serves(phase) {
					hooks++
					holdSame(t, said(counted, t, phase), said(plain, t, phase))
				}
			}
			if counted.Writes() {
				hooks++
				inventory := gateway.Inventory{
					wire.TableGateway:   gateway.Rows{{"hostname": "mx.example.com", "lmtp_target": "127.0.0.1:8024", "verp_delimiter": "+"}},
					wire.TableDomains:   gateway.Rows{{"domain": "lists.example.com", "alias_of": "", "kind": "list"}},
					wire.TableLists:     gateway.Rows{{"address": "dev@lists.example.com", "local": "dev", "domain": "lists.example.com", "id": "dev.lists.example.com", "alias_domain": ""}},
					wire.TableAddresses: gateway.Rows{{"address": "dev@lists.example.com", "list": "dev@lists.example.com", "service": "post", "suffix": "", "detail": "0"}},
				}
				got, err := counted.Render(t.Context(), inventory)
				want, wantErr := plain.Render(t.Context(), inventory)
				holdSame(t, outcome{got, err}, outcome{want, wantErr})
			}
			if hooks == 0 {
				t.Error("it has no hook")
			}
		})
	}
}

// outcome is what a call came to.
type outcome struct {
	value any
	err   error
}

// said is what a plugin says of the post in a phase, without what it cost.
func said(p *Plugin, t *testing.T, phase gateway.Phase) outcome {
	x := exchange(t, phase)
	if phase != gateway.PhaseRecipient {
		long := post(t)
		x.Message.Content, x.Draft = long.Message.Content, long.Draft
	}
	if phase == gateway.PhasePlan {
		plan, err := p.Plan(t.Context(), x)
		plan.Usage = gateway.Usage{}
		return outcome{plan, err}
	}
	v, err := p.Handle(t.Context(), x)
	v.Usage = gateway.Usage{}
	return outcome{v, err}
}

func holdSame(t *testing.T, metered, plain outcome) {
	t.Helper()
	if !reflect.DeepEqual(metered, plain) {
		t.Errorf("metered %+v, and plain %+v", metered, plain)
	}
}
