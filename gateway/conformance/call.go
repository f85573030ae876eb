package conformance

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/config"
	"github.com/mmgw/mmgw/gateway/sandbox"
	"github.com/mmgw/mmgw/mta"
)

// errPhase says that a case asks for what the module does not do.
var errPhase = errors.New("the module has no hook for this case")

// input is all that one call is given.
type input struct {
	phase     gateway.Phase
	exchange  *gateway.Exchange // nil for a writer
	inventory gateway.Inventory // of a writer
}

// input is what the case's sections say.
func (c *Case) input(p *sandbox.Plugin) (input, error) {
	if c.has("mmgw.toml") {
		inventory, err := c.inventory()
		return input{inventory: inventory}, err
	}
	s, err := parseSession(c.lines("session"))
	if err != nil {
		return input{}, fmt.Errorf("%s, section session: %w", c.Path, err)
	}
	list, err := c.table("list")
	if err != nil {
		return input{}, err
	}
	phase, err := phaseOf(p, s.hook)
	if err != nil {
		return input{}, fmt.Errorf("%s: %w", c.Path, err)
	}
	mail := gateway.Bytes(strings.ReplaceAll(c.section("mail"), "\n", "\r\n"))
	x, err := s.exchange(phase, mail, list)
	return input{phase: phase, exchange: x}, err
}

// phaseOf is the phase that a hook serves, or the first that the module has.
func phaseOf(p *sandbox.Plugin, hook string) (gateway.Phase, error) {
	for _, known := range phases {
		if p.Serves(known.phase) && (hook == "" || hook == known.name) {
			return known.phase, nil
		}
	}
	return 0, errPhase
}

// inventory is what a writer is told of the lists of a configuration.
func (c *Case) inventory() (gateway.Inventory, error) {
	cfg, err := config.Parse("mmgw.toml", []byte(c.section("mmgw.toml")), config.Options{
		Root: true, Hostname: func() (string, error) { return "mx.example.com", nil },
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.Path, err)
	}
	site := mta.Site{
		Hostname: cfg.Hostname, LMTPTarget: cfg.MTA.ListenAddress(), LMTPSocket: cfg.MTA.LMTPSocket, VERPDelimiter: cfg.VERP.Delimiter,
		SMTPHost: cfg.MTA.SMTPHost, StateDir: cfg.StateDir, Dir: cfg.StateDir + "/mta", Configuration: cfg.MTA.Configuration,
	}
	var lists []gateway.List
	for _, l := range cfg.Lists {
		lists = append(lists, l.List)
	}
	var forwards []mta.ForwardDomain
	for _, f := range cfg.Forwards {
		for _, domain := range f.Domains {
			forwards = append(forwards, mta.ForwardDomain{Domain: domain, To: f.To.String()})
		}
	}
	return mta.Inventory(site, lists, forwards), nil
}

// call is one call of the module. The error says that what it answers cannot be
// used; its own faults are in the outcome.
func (w *world) call(ctx context.Context, in input) (outcome, error) {
	if in.exchange == nil {
		return w.render(ctx, in.inventory)
	}
	if in.phase == gateway.PhasePlan {
		p, err := w.plugin.Plan(ctx, in.exchange)
		if err != nil {
			return faultOf(err), nil
		}
		return planOf(in.exchange, p)
	}
	v, err := w.plugin.Handle(ctx, in.exchange)
	if err != nil {
		return faultOf(err), nil
	}
	return verdictOf(in.exchange, v)
}

// render has a writer render twice, as `mmgw check` does.
func (w *world) render(ctx context.Context, inventory gateway.Inventory) (outcome, error) {
	if !w.plugin.Writes() {
		return outcome{}, errPhase
	}
	before := w.plugin.Stats()
	files, err := mta.RenderTwice(ctx, w.plugin, inventory)
	after := w.plugin.Stats()
	usage := gateway.Usage{Fuel: (after.Fuel - before.Fuel) / 2, HostCalls: (after.HostCalls - before.HostCalls) / 2}
	var fault *sandbox.Error
	switch {
	case errors.As(err, &fault):
		o := faultOf(err)
		o.usage = usage
		return o, nil
	case err != nil:
		return outcome{}, err
	}
	o := filesOf(files)
	o.usage = usage
	return o, nil
}
