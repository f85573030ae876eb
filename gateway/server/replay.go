package server

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/authres"
	"github.com/mmgw/mmgw/gateway/config"
	"github.com/mmgw/mmgw/gateway/kv"
	"github.com/mmgw/mmgw/gateway/modules"
	"github.com/mmgw/mmgw/gateway/pipeline"
	"github.com/mmgw/mmgw/gateway/replay"
	"github.com/mmgw/mmgw/gateway/sandbox"
)

// replayRowsMax bounds the differences that a replay tells one by one; the rest
// is counted.
const replayRowsMax = 1_000

// PluginReplay are the arguments of plugin.replay.
type PluginReplay struct {
	Name string `json:"name"`
	Wasm []byte `json:"wasm"` // the new version
	Last int    `json:"last"` // so many of the newest messages that are kept
}

// PluginReplayed is the result of plugin.replay: what the version that is at
// work and the new one made of the same messages.
type PluginReplayed struct {
	Name     string      `json:"name"`
	Before   string      `json:"before"` // digest of the version at work
	Digest   string      `json:"digest"` // of the new one
	Messages int         `json:"messages"`
	Calls    int         `json:"calls"`     // of each version
	Same     int         `json:"same"`      // calls with the same answers
	Verdicts int         `json:"verdicts"`  // with other verdicts or plans, or where the one at work failed
	Edits    int         `json:"edits"`     // with the same verdicts and other edits
	Failed   int         `json:"failed"`    // where the new one failed alone
	LiveFuel int64       `json:"live_fuel"` // units of a call, on average
	NextFuel int64       `json:"next_fuel"`
	Rows     []ReplayRow `json:"rows"` // the differences, the oldest message first
}

// ReplayRow is one call that the two versions answered otherwise.
type ReplayRow struct {
	ID          string       `json:"id"`
	Received    time.Time    `json:"received"`
	ReversePath string       `json:"reverse_path"`
	List        string       `json:"list"`
	Hook        string       `json:"hook"`
	Difference  string       `json:"difference"` // verdict, edits or failed
	Live        ReplayAnswer `json:"live"`
	Next        ReplayAnswer `json:"next"`
}

// ReplayAnswer is what one version answered.
type ReplayAnswer struct {
	Verdict string   `json:"verdict"` // "" where it failed
	Reply   string   `json:"reply,omitempty"`
	Edits   []string `json:"edits,omitempty"`
	Error   string   `json:"error,omitempty"`
}

// keepForReplay opens what is kept for replays.
func (s *Server) keepForReplay() (err error) {
	s.kept, err = replay.Open(replay.Options{Store: s.store, For: s.cfg.KeepForReplay, Log: s.log})
	return err
}

// keep keeps a message as it came. A failure costs a replay, and no mail.
func (s *Server) keep(m *gateway.Message, auth gateway.AuthResults) {
	if err := s.kept.Keep(m, auth); err != nil {
		s.log.Warn("not kept for replay", "id", m.ID.String(), "error", err)
	}
}

// forgetKept removes what has expired where no message comes that would.
func (r *running) forgetKept(ctx context.Context) {
	if r.cfg.KeepForReplay == 0 {
		return
	}
	ticker := time.NewTicker(min(r.cfg.KeepForReplay, time.Hour))
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			if err := r.kept.Expire(); err != nil {
				r.log.Warn("what was kept for replay is not removed", "error", err)
			}
		}
	}
}

// pluginReplay runs a new version of a module beside the one at work, on
// messages as they came, in the chains of the configuration in force. All
// modules in it are loaded for this alone, with values of their own, so that
// nothing is left of it.
func (s *Server) pluginReplay(ctx context.Context, args PluginReplay) (any, error) {
	e, err := s.exchangeOf(args.Name)
	switch {
	case err != nil:
		return nil, err
	case e.before == nil:
		return nil, badData("plugin %s: the version at work cannot be had", e.name)
	case e.name == e.cfg.MTA.Incoming:
		return nil, badData("plugin %s writes MTA configurations and sees no messages; `mmgw mta diff` shows what one would change", e.name)
	case s.cfg.KeepForReplay == 0:
		return nil, badData(`no messages are kept: keep_for_replay = "7d" keeps those of a week, from the next start on`)
	case args.Last < 1:
		return nil, badData("a replay takes at least one message, not %d", args.Last)
	}
	host, done, err := s.sandbox()
	if err != nil {
		return nil, err
	}
	defer done()
	r := &replaying{exchange: e, server: s, host: host, loaded: map[string]*sandbox.Plugin{}}
	defer r.close()
	if err := r.load(ctx, args.Wasm); err != nil {
		return nil, badData("%v", err)
	}
	r.result = PluginReplayed{Name: e.name, Before: modules.Digest(e.before), Digest: modules.Digest(args.Wasm), Rows: []ReplayRow{}}
	return r.run(ctx, args.Last)
}

// replaying is one replay.
type replaying struct {
	*exchange
	server             *Server
	host               *sandbox.Host
	scratch            []*kv.Scratch
	loaded             map[string]*sandbox.Plugin
	next               *sandbox.Plugin
	result             PluginReplayed
	liveFuel, nextFuel int64
}

// load loads the new version, and everything that messages meet on their way.
func (r *replaying) load(ctx context.Context, wasm []byte) error {
	own, err := r.values()
	if err != nil {
		return err
	}
	if r.next, err = r.loadOne(ctx, r.name, wasm, own); err != nil {
		return err
	}
	for _, u := range r.uses {
		if err := u.check(r.next); err != nil {
			return err
		}
	}
	if own, err = r.values(); err != nil {
		return err
	}
	names := slices.Concat(incomingOf(r.cfg), r.cfg.Outgoing.Handlers, []string{r.cfg.MTA.Outgoing, r.name})
	for _, name := range sorted(names) {
		wasm, err := r.server.atWork(r.cfg, name)
		if err == nil {
			r.loaded[name], err = r.loadOne(ctx, name, wasm, own)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (r *replaying) loadOne(ctx context.Context, name string, wasm []byte, values *kv.Scratch) (*sandbox.Plugin, error) {
	spec := specOf(r.cfg, name, wasm)
	spec.Instances, spec.KV = 1, values
	return r.host.Load(ctx, spec)
}

// values are a name space for what modules keep meanwhile.
func (r *replaying) values() (*kv.Scratch, error) {
	values, err := kv.NewScratch()
	if err == nil {
		r.scratch = append(r.scratch, values)
	}
	return values, err
}

func (r *replaying) close() {
	if r.next != nil {
		r.next.Close()
	}
	for _, p := range r.loaded {
		if p != nil {
			p.Close()
		}
	}
	for _, values := range r.scratch {
		values.Close()
	}
}

// atWork is the module that answers to a name.
func (s *Server) atWork(cfg *config.Config, name string) ([]byte, error) {
	if set := s.loaded.Load(); set != nil && set.modules[name] != nil {
		return set.modules[name].Present().Wasm, nil
	}
	f, err := find(cfg, s.shelf, name)
	return f.wasm, err
}

func (r *replaying) run(ctx context.Context, last int) (*PluginReplayed, error) {
	s := r.server
	way := &pipeline.Rehearsal{
		Site: s.site(), Roster: s.roster, Chains: chains{r.cfg, r.chain}, Planner: r.step(r.cfg.MTA.Outgoing),
		Auth: &authres.Verifier{DNS: s.dns, Log: s.log}, Rejects: pipeline.Rejects(r.cfg.Incoming.Reject), Routes: slices.Sorted(maps.Keys(r.cfg.Routes)),
		Timeout: 2 * r.cfg.Incoming.Timeout, // two versions run
	}
	for m, err := range s.kept.Last(last) {
		if err == nil {
			r.result.Messages++
			err = way.Run(ctx, &m.Message, m.Auth)
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			s.log.Warn("not replayed", "error", err)
		}
	}
	if n := int64(r.result.Calls); n > 0 {
		r.result.LiveFuel, r.result.NextFuel = r.liveFuel/n, r.nextFuel/n
	}
	return &r.result, nil
}

func (r *replaying) chain(names []string) (chain pipeline.Chain) {
	for _, name := range names {
		step := pipeline.Step{Name: name, Module: name, Handler: missing(name), OnError: pipeline.OnError(r.cfg.Plugin(name).OnError)}
		if r.loaded[name] != nil {
			step.Handler = r.step(name)
		}
		chain = append(chain, step)
	}
	return chain
}

// step is the module of a name, or both versions of the one that is replayed.
func (r *replaying) step(name string) interface {
	gateway.Handler
	gateway.Planner
} {
	if name == r.name {
		return pair{r}
	}
	return r.loaded[name]
}

// pair asks both versions, and rules as the one at work does.
type pair struct{ *replaying }

// Handle implements gateway.Handler.
func (p pair) Handle(ctx context.Context, x *gateway.Exchange) (gateway.Verdict, error) {
	a := p.ask(ctx, x)
	return a.Verdict, a.Err
}

// Plan implements gateway.Planner.
func (p pair) Plan(ctx context.Context, x *gateway.Exchange) (gateway.Plan, error) {
	a := p.ask(ctx, x)
	return a.Plan, a.Err
}

func (p pair) ask(ctx context.Context, x *gateway.Exchange) modules.Answer {
	live, next := p.loaded[p.name], p.next
	if !live.Serves(x.Phase) && !next.Serves(x.Phase) {
		return modules.Answer{}
	}
	a, b := modules.Ask(ctx, live, x), modules.Ask(ctx, next, x)
	if ctx.Err() == nil {
		p.note(x, a, b)
	}
	return a
}

// note counts a pair of answers and tells how they differ.
func (r *replaying) note(x *gateway.Exchange, live, next modules.Answer) {
	r.result.Calls++
	r.liveFuel += live.Usage().Fuel
	r.nextFuel += next.Usage().Fuel
	difference := live.Compare(next)
	switch difference {
	case modules.Same:
		r.result.Same++
		return
	case modules.OtherVerdict:
		r.result.Verdicts++
	case modules.OtherEdits:
		r.result.Edits++
	case modules.OtherFailed:
		r.result.Failed++
	}
	if len(r.result.Rows) == replayRowsMax {
		return
	}
	row := ReplayRow{
		ID: x.Message.ID.String(), Received: x.Message.Received, ReversePath: string(x.Message.Envelope.ReversePath),
		Hook: sandbox.HookName(x.Phase), Difference: string(difference), Live: replayAnswer(x.Phase, live), Next: replayAnswer(x.Phase, next),
	}
	if x.List != nil {
		row.List = string(x.List.Address)
	}
	r.result.Rows = append(r.result.Rows, row)
}

func replayAnswer(phase gateway.Phase, a modules.Answer) (out ReplayAnswer) {
	if failed, ok := errors.AsType[*sandbox.Error](a.Err); ok {
		return ReplayAnswer{Error: failed.Reason}
	}
	if a.Err != nil {
		return ReplayAnswer{Error: gateway.Printable(a.Err.Error())}
	}
	if out.Verdict = a.Verdict.Action.String(); phase == gateway.PhasePlan {
		out.Verdict = a.Plan.String()
	}
	if a.Verdict.Status != nil {
		out.Reply = a.Verdict.Status.Reply()
	}
	for _, e := range a.Edits() {
		out.Edits = append(out.Edits, e.String())
	}
	return out
}
