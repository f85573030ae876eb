package pipeline

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/authres"
	"github.com/mmgw/mmgw/gateway/bounce"
	"github.com/mmgw/mmgw/gateway/notice"
	"github.com/mmgw/mmgw/gateway/roster"
	"github.com/mmgw/mmgw/gateway/spool"
	"github.com/mmgw/mmgw/gateway/store"
	"github.com/mmgw/mmgw/gateway/token"
	"github.com/mmgw/mmgw/gateway/verp"
)

// house is a pipeline on a real spool and a real roster in memory, with
// handlers, a planner and a transport in Go.
type house struct {
	t *testing.T

	incoming, outgoing Chain
	policy             Chain // nil: membersPost
	plan               func(x *gateway.Exchange) (gateway.Plan, error)
	transport          func(d *gateway.Delivery, content string) []*gateway.Status

	spool     *spool.Spool
	roster    *roster.Roster
	intake    *Intake
	expander  *Expander
	deliverer *Deliverer
	scores    *Scores
	outbox    *Outbox
	held      *Held
	reports   *Reports
	discards  bool // bounces that nobody knows the member of

	mu      sync.Mutex
	entries []gateway.Entry // due, in the order in which they came
	sent    []copyOf
}

// copyOf is one transaction that the transport took.
type copyOf struct {
	from    gateway.ReversePath
	to      []string
	route   string
	content string
}

func newHouse(t *testing.T, lists ...roster.FileList) *house {
	t.Helper()
	memory := store.NewMemory()
	db, err := store.Open(store.Options{Dir: "state/db", FS: memory.FS()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	h := &house{t: t}
	if h.spool, err = spool.Open(spool.Options{Store: db, Dir: "state", FS: memory.FS()}); err != nil {
		t.Fatal(err)
	}
	if h.roster, err = roster.Open(roster.Options{Store: db}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.roster.Close() })
	if err := h.roster.SetFileLists(lists); err != nil {
		t.Fatal(err)
	}
	h.roster.SetForwards(map[string][]string{"backend": {"backend.example.com"}})
	h.assemble()
	return h
}

func (h *house) assemble() {
	site := Site{Hostname: "gw.example.com", AuthservID: "gw.example.com", Owner: "site@example.com"}
	codec := &verp.Codec{Keys: []verp.Key{verp.NewKey()}, Directory: h.roster}
	h.intake = &Intake{
		Site: site, Roster: h.roster, Spool: h.spool, Chains: h, Auth: &authres.Verifier{DNS: dns{}},
		Timeout: time.Minute, Expiry: time.Hour, Accepted: h.queued,
	}
	h.outbox = &Outbox{Hostname: site.Hostname, Spool: h.spool, Expiry: time.Hour, Queued: h.queued}
	texts, err := notice.Open("")
	if err != nil {
		h.t.Fatal(err)
	}
	desk := &Desk{Outbox: h.outbox, Roster: h.roster, Texts: func() *notice.Texts { return texts }}
	h.scores = &Scores{
		Site: site, Roster: h.roster, VERP: codec, Desk: desk,
		Rules: bounce.Rules{Threshold: 5, StaleAfter: 7 * 24 * time.Hour, Warnings: 3, WarningInterval: 7 * 24 * time.Hour, Probe: true},
	}
	bounces := &Bounces{Scores: h.scores, ToOwners: true}
	h.expander = &Expander{
		Site: site, Roster: h.roster, Spool: h.spool, Chains: h, Planner: h,
		VERP: codec, Remember: h.roster.Remember,
		Bounces: bounces.Handle, RecipientsMax: 100, Timeout: time.Minute, Planned: h.queued,
	}
	confirmations := &Confirmations{Roster: h.roster, Tokens: &token.Codec{Secrets: [][]byte{make([]byte, 32)}}, Delimiter: "+"}
	h.held = &Held{Site: site, Roster: h.roster, Spool: h.spool, Desk: desk, Confirmations: confirmations, For: 14 * 24 * time.Hour, Queued: h.queued}
	commands := &Commands{Site: site, Roster: h.roster, Desk: desk, Confirmations: confirmations, Held: h.held}
	h.expander.Commands, h.expander.Held = commands.Handle, h.held.Tell
	h.reports = &Reports{Site: site, Outbox: h.outbox}
	failures := &Failures{Reports: h.reports, Scores: h.scores}
	h.deliverer = &Deliverer{Spool: h.spool, Transport: h, Failed: failures.Failed, Reports: h.reports}
	h.expander.Reports = h.reports
}

// dns is a name server that knows some texts and nothing else.
type dns map[string]string

func (d dns) LookupTXT(_ context.Context, name string) ([]string, error) {
	if text, ok := d[name]; ok {
		return []string{text}, nil
	}
	return nil, &net.DNSError{Name: name, IsNotFound: true}
}

func (dns) LookupMX(_ context.Context, name string) ([]*net.MX, error) {
	return nil, &net.DNSError{Name: name, IsNotFound: true}
}

func (dns) LookupNetIP(_ context.Context, _, name string) ([]netip.Addr, error) {
	return nil, &net.DNSError{Name: name, IsNotFound: true}
}

func (dns) LookupAddr(_ context.Context, name string) ([]string, error) {
	return nil, &net.DNSError{Name: name, IsNotFound: true}
}

func (h *house) Incoming(*gateway.List) Chain { return h.incoming }
func (h *house) Policy(*gateway.List) Chain {
	if h.policy != nil {
		return h.policy
	}
	return Chain{{Name: "posting", Handler: handlerFunc(membersPost)}}
}

// membersPost is the policy of plugins/posting.
func membersPost(x *gateway.Exchange) (gateway.Verdict, error) {
	text := ""
	switch {
	case x.List.Posting == gateway.PostingAnyone, x.SenderRole() == "owner", x.SenderRole() == "moderator":
	case x.List.Posting == gateway.PostingModerated:
		text = "the list is moderated"
	case x.List.Posting == gateway.PostingMembers && x.SenderRole() != "member":
		text = "posted by a non-member"
	}
	if text == "" {
		return gateway.Verdict{}, nil
	}
	return gateway.Verdict{Action: gateway.Hold, Status: &gateway.Status{Code: 250, Text: text}}, nil
}

func (h *house) Outgoing(*gateway.List) Chain { return h.outgoing }

func (h *house) Plan(_ context.Context, x *gateway.Exchange) (gateway.Plan, error) {
	if h.plan == nil {
		return gateway.Plan{VERP: true}, nil
	}
	return h.plan(x)
}

func (h *house) Deliver(_ context.Context, _ string, next func() (*gateway.Shipment, int)) {
	for s, _ := next(); s != nil; s, _ = next() {
		content, err := s.Content()
		if err != nil {
			continue
		}
		places := (&gateway.Delivery{Recipients: s.Delivery.Recipients}).Unsettled()
		for len(places) > 0 {
			all := make([]*gateway.Status, len(s.Delivery.Recipients))
			var left []int
			for k, status := range h.deliver(s.Delivery.Only(places), content) {
				if all[places[k]] = status; status == nil {
					left = append(left, places[k])
				}
			}
			places = left
			s.Settle(all, func() {})
		}
	}
}

func (h *house) deliver(d *gateway.Delivery, content gateway.Content) []*gateway.Status {
	text := readAll(h.t, content)
	if h.transport != nil {
		if statuses := h.transport(d, text); statuses != nil {
			return statuses
		}
	}
	c := copyOf{from: d.ReversePath, route: d.Route, content: text}
	for _, r := range d.Recipients {
		c.to = append(c.to, string(r.Path))
	}
	h.mu.Lock()
	h.sent = append(h.sent, c)
	h.mu.Unlock()
	return slices.Repeat([]*gateway.Status{gateway.Accepted}, len(d.Recipients))
}

func (h *house) queued(entries []gateway.Entry) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.entries = append(h.entries, entries...)
}

// post hands a message in and returns the replies.
func (h *house) post(from gateway.ReversePath, content string, to ...gateway.ForwardPath) []string {
	h.t.Helper()
	envelope := &gateway.Envelope{ReversePath: from}
	for _, path := range to {
		recipient := gateway.Recipient{Path: path}
		if err := h.intake.Recipient(h.t.Context(), gateway.Client{}, envelope, recipient); err != nil {
			return []string{"RCPT: " + gateway.AsStatus(err).Reply()}
		}
		envelope.Recipients = append(envelope.Recipients, recipient)
	}
	var replies []string
	for _, status := range h.intake.Message(h.t.Context(), gateway.Client{Peer: "mta.example.com"}, envelope, strings.NewReader(content)) {
		replies = append(replies, status.Reply())
	}
	return replies
}

// settle does all that is due once, and what follows from it. It returns the
// entries that wait for another attempt.
func (h *house) settle() (later []gateway.Entry) {
	h.t.Helper()
	for len(h.entries) > 0 {
		e := h.entries[0]
		h.entries = h.entries[1:]
		if e.Batch == gateway.ExpandLeg {
			if err := h.expander.Expand(h.t.Context(), e); err != nil && !errors.Is(err, ErrHeld) {
				h.t.Fatal(err)
			}
			continue
		}
		next, left, err := h.deliverer.Deliver(h.t.Context(), e, nil)
		if err != nil {
			h.t.Fatal(err)
		}
		if left {
			later = append(later, next)
		}
	}
	return later
}

// legs are those of the one message in the spool.
func (h *house) legs() []gateway.Leg {
	h.t.Helper()
	for row, err := range h.spool.List() {
		if err != nil {
			h.t.Fatal(err)
		}
		m, err := h.spool.Load(row.ID)
		if err != nil {
			h.t.Fatal(err)
		}
		return m.Legs
	}
	return nil
}

// spooled is how many legs the spool holds.
func (h *house) spooled() (n int) {
	for _, err := range h.spool.List() {
		if err != nil {
			h.t.Error(err)
		}
		n++
	}
	return n
}

func devList(members ...gateway.ForwardPath) roster.FileList {
	return roster.FileList{
		List: gateway.List{
			ID: "dev.lists.example.com", Address: "dev@lists.example.com", Posting: gateway.PostingAnyone,
			Owners: []gateway.ForwardPath{"owner@example.com"},
		},
		Members: people(members...),
	}
}
