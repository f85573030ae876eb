package sandbox

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/tetratelabs/wazero"

	"github.com/mmgw/mmgw/gateway"
)

// Plugin is one loaded module. It is safe for concurrent use; calls beyond
// Spec.Instances wait.
type Plugin struct {
	spec     Spec
	config   string // as JSON
	digest   string // SHA-256 of the module as it was given, in hexadecimal
	host     *Host
	kv       KV // Spec.KV, or else Env.KV
	log      *slog.Logger
	loaded   time.Time
	hooks    hook // exported
	runtime  wazero.Runtime
	compiled wazero.CompiledModule
	globals  []string
	snapshot *snapshot // nil: every instance sets itself up
	pool     *pool
	account  account
	tally    tally
	asked    asked

	closed chan struct{}
	once   sync.Once
}

var (
	_ gateway.Handler      = (*Plugin)(nil)
	_ gateway.Planner      = (*Plugin)(nil)
	_ gateway.ConfigWriter = (*Plugin)(nil)
)

// Name is Spec.Name.
func (p *Plugin) Name() string { return p.spec.Name }

// Digest is the SHA-256 of the module as it was given, in hexadecimal.
func (p *Plugin) Digest() string { return p.digest }

// serves says whether the module exports one of the hooks.
func (p *Plugin) serves(h hook) bool { return p.hooks&h != 0 }

// grants says whether the configuration grants a capability.
func (p *Plugin) grants(capability string) bool {
	return slices.Contains(p.spec.Capabilities, capability)
}

// place returns the index in exports of the hook for a phase: the phases come
// first there, by number.
func place(phase gateway.Phase) int { return int(phase) }

// Serves says whether the module has an export for a phase.
func (p *Plugin) Serves(phase gateway.Phase) bool {
	return phase >= gateway.PhaseRecipient && phase <= gateway.PhaseResult && p.serves(exports[place(phase)].hook)
}

// IsFilter says whether the module is a WASI program.
func (p *Plugin) IsFilter() bool { return p.spec.Filter }

// Writes says whether the module is a writer of MTA configurations.
func (p *Plugin) Writes() bool { return p.serves(hookWriter) }

// HookName is the name of a phase for people: recipient, incoming, ...
func HookName(phase gateway.Phase) string { return exports[place(phase)].phase }

// Handle calls the module for x.Phase, which is not PhasePlan. A module without
// an export for the phase continues. The error is an *Error.
func (p *Plugin) Handle(ctx context.Context, x *gateway.Exchange) (gateway.Verdict, error) {
	return p.HandleReduced(ctx, x, 1)
}

// HandleReduced is Handle with 1/share of the usual fuel and time, for a module
// that has failed before.
func (p *Plugin) HandleReduced(ctx context.Context, x *gateway.Exchange, share int64) (v gateway.Verdict, err error) {
	if !p.Serves(x.Phase) {
		return v, nil
	}
	begin := func(*call) {}
	if share > 1 {
		begin = func(c *call) {
			c.fuel /= share
			c.deadline = min(c.deadline, c.start+p.spec.Timeout/time.Duration(share))
		}
	}
	err = p.use(ctx, place(x.Phase), x, begin, func(c *call) { v = c.result() })
	return v, err
}

// Plan calls the module for a batch. A module that exports no mmgw_plan gives the
// zero Plan. The error is an *Error.
func (p *Plugin) Plan(ctx context.Context, x *gateway.Exchange) (gateway.Plan, error) {
	var plan gateway.Plan
	if !p.Serves(gateway.PhasePlan) {
		return plan, nil
	}
	err := p.use(ctx, place(gateway.PhasePlan), x, func(*call) {}, func(c *call) { plan = c.planned() })
	return plan, err
}

// Render calls the module for its files, in the order in which it made them.
// The error is an *Error if the module failed.
func (p *Plugin) Render(ctx context.Context, inventory gateway.Inventory) ([]gateway.File, error) {
	if !p.Writes() {
		return nil, errors.New("plugin " + p.spec.Name + " is not a writer of MTA configurations")
	}
	var files []gateway.File
	err := p.use(ctx, placeWriter, nil,
		func(c *call) { c.writer.inventory = inventory }, func(c *call) { files = c.writer.files })
	return files, err
}

// Close waits for the calls in progress and frees the instances. Later calls
// fail with Unavailable.
func (p *Plugin) Close() {
	p.once.Do(func() {
		close(p.closed)
		p.pool.drain(p.spec.Instances)
		p.compiled.Close(context.Background())
	})
}
