package sandbox

import (
	"context"
	"time"

	"github.com/mmgw/mmgw/gateway"
)

// HandleReduced is Handle with 1/share of the fuel and the time of a call, for
// a module that is not trusted with all of it. A share of 1 or less is Handle.
func (p *Plugin) HandleReduced(ctx context.Context, x *gateway.Exchange, share int64) (gateway.Verdict, error) {
	if share <= 1 || !p.Serves(x.Phase) {
		return p.Handle(ctx, x)
	}
	var v gateway.Verdict
	reduce := func(c *call) {
		c.fuel /= share
		c.deadline = min(c.deadline, c.start+p.spec.Timeout/time.Duration(share))
	}
	err := p.use(ctx, place(x.Phase), x, reduce, func(c *call) { v = c.result() })
	return v, err
}
