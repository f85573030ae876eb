package sim

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"time"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/authres"
	"github.com/mmgw/mmgw/gateway/bounce"
	"github.com/mmgw/mmgw/gateway/notice"
	"github.com/mmgw/mmgw/gateway/pipeline"
	"github.com/mmgw/mmgw/gateway/queue"
	"github.com/mmgw/mmgw/gateway/roster"
	"github.com/mmgw/mmgw/gateway/spool"
	"github.com/mmgw/mmgw/gateway/store"
	"github.com/mmgw/mmgw/gateway/token"
	"github.com/mmgw/mmgw/gateway/verp"
)

// process is the gateway between a start and its end, put together as package
// server does it.
type process struct {
	w      *world
	db     *store.Store
	spool  *spool.Spool
	roster *roster.Roster
	queue  queue.Queue

	intake    *pipeline.Intake
	expander  *pipeline.Expander
	deliverer *pipeline.Deliverer
	held      *pipeline.Held
}

const siteOwner = "postmaster@owners.example"

// open starts a process on what the disk holds.
func (w *world) open(memory *store.Memory) (*process, error) {
	p := &process{w: w}
	var err error
	if p.db, err = store.Open(store.Options{Dir: "/state/db", FS: memory.FS(), MemTableBytes: 256 << 10}); err != nil {
		return nil, err
	}
	if p.spool, err = spool.Open(spool.Options{Store: p.db, Dir: "/state", FS: memory.FS()}); err != nil {
		return p, err
	}
	if p.roster, err = roster.Open(roster.Options{Store: p.db}); err != nil {
		return p, err
	}
	if err := p.roster.SetFileLists(w.lists); err != nil {
		return p, err
	}
	p.roster.SetForwards(map[string][]string{"backend": {backendDomain}})
	p.assemble()
	for e, err := range p.spool.Entries() {
		if err != nil {
			return p, fmt.Errorf("entries: %w", err)
		}
		p.queue.Add(p.dated(e))
	}
	return p, nil
}

func (p *process) assemble() {
	w := p.w
	site := pipeline.Site{Hostname: hostname, AuthservID: hostname, Owner: siteOwner}
	codec := &verp.Codec{Keys: []verp.Key{{Secret: [verp.KeyBytes]byte{1}}}, Directory: p.roster}
	recorded := &recorder{p.spool, w}
	retry := queue.Policy{Random: w.rng.Float64}
	p.intake = &pipeline.Intake{
		Site: site, Roster: p.roster, Spool: recorded, Chains: w.handlers, Auth: &authres.Verifier{DNS: noDNS{}},
		Timeout: time.Minute, Expiry: w.expiry, Accepted: p.add,
	}
	outbox := &pipeline.Outbox{Hostname: site.Hostname, Spool: recorded, Expiry: w.expiry, Queued: p.add}
	desk := &pipeline.Desk{Outbox: outbox, Roster: p.roster, Texts: func() *notice.Texts { return w.texts }}
	// No score gets anywhere: what is in play here are the messages of the game.
	scores := &pipeline.Scores{Site: site, Roster: p.roster, VERP: codec, Desk: desk, Rules: bounce.Rules{Threshold: math.MaxInt32}}
	bounces := &pipeline.Bounces{Scores: scores, ToOwners: true}
	p.expander = &pipeline.Expander{
		Site: site, Roster: p.roster, Spool: recorded, Chains: w.handlers, VERP: codec,
		Planner:  w.handlers,
		Remember: p.roster.Remember,
		Bounces:  bounces.Handle, RecipientsMax: 3, Timeout: time.Minute, Planned: p.add,
	}
	confirmations := &pipeline.Confirmations{Roster: p.roster, Tokens: &token.Codec{Secrets: [][]byte{make([]byte, 32)}}, Delimiter: "+"}
	p.held = &pipeline.Held{Site: site, Roster: p.roster, Spool: p.spool, Desk: desk, Confirmations: confirmations, For: w.fault.heldFor(w.expiry), Queued: p.add}
	commands := &pipeline.Commands{Site: site, Roster: p.roster, Desk: desk, Confirmations: confirmations, Held: p.held}
	p.expander.Commands, p.expander.Held = w.ledger.writing(commands.Handle), w.fault.telling(w.ledger.telling(p.held.Tell))
	failures := &pipeline.Failures{Reports: &pipeline.Reports{Site: site, Outbox: outbox}, Scores: scores}
	p.deliverer = &pipeline.Deliverer{
		Spool: recorded, Transport: w.fault.transport(w.hosts), Retry: retry, Attempted: w.ledger.attempted,
		Failed: func(ctx context.Context, f pipeline.Fate) error {
			w.ledger.failing = &f
			defer func() { w.ledger.failing = nil }()
			return failures.Failed(ctx, w.fault.fate(f))
		},
	}
}

// noDNS knows no names.
type noDNS struct{ authres.DNS }

func (noDNS) LookupTXT(_ context.Context, name string) ([]string, error) {
	return nil, &net.DNSError{Name: name, IsNotFound: true}
}

func (p *process) add(entries []gateway.Entry) {
	for _, e := range entries {
		p.queue.Add(e)
	}
}

func (p *process) dated(e gateway.Entry) gateway.Entry {
	if e.Expires.IsZero() {
		e.Expires = e.Due.Add(p.w.expiry)
	}
	return e
}

// handle does what is due, as package server does.
func (p *process) handle(e gateway.Entry) {
	next, left, err := e, false, error(nil)
	if e.Batch == gateway.ExpandLeg {
		err = p.expander.Expand(context.Background(), e)
	} else {
		next, left, err = p.deliverer.Deliver(context.Background(), e, nil)
	}
	switch {
	case p.w.disk.dark():
		return
	case errors.Is(err, gateway.ErrNotSpooled):
		left = false
	case errors.Is(err, pipeline.ErrHeld):
		next.Stage, left = gateway.StageHeld, true
	case errors.Is(err, spool.ErrDamaged):
		p.w.ledger.fail("%s: %v", e.Message, err)
	case err != nil:
		p.w.tell("put off %s leg %d batch %d: %v", e.Message, e.Leg, e.Batch, err)
		next, left = p.postpone(e, err)
	}
	if left {
		p.queue.Return(next)
	} else {
		p.queue.Done(gateway.BatchKey{Message: e.Message, Leg: e.Leg, Number: e.Batch})
	}
}

func (p *process) postpone(e gateway.Entry, fault error) (gateway.Entry, bool) {
	now := time.Now()
	if now.After(e.Expires) && p.spool.Hold(e.Message, fault.Error()) == nil {
		p.w.tell("held %s", e.Message)
		return e, false
	}
	e.Attempt++
	e.Due = p.deliverer.Retry.Next(e.Attempt, now, time.Time{})
	return e, true
}

// stop ends the process, in good order or after its power went: what is not
// on the disk by then is lost either way.
func (p *process) stop() {
	if p != nil && p.db != nil {
		p.db.Close()
	}
}
