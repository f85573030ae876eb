package sim

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/mmgw/mmgw/gateway"
)

// The domains of the world.
const (
	hostname      = "gw.example"
	listDomain    = "lists.example"
	backendDomain = "backend.example"
	ownersDomain  = "owners.example"
	othersDomain  = "others.example"
)

// The answers of remote hosts.
var (
	noUser  = &gateway.Status{Code: 550, Enhanced: gateway.EnhancedCode{5, 1, 1}, Text: "no such user"}
	policy  = &gateway.Status{Code: 554, Enhanced: gateway.EnhancedCode{5, 7, 1}, Text: "we do not like it"}
	later   = &gateway.Status{Code: 451, Enhanced: gateway.EnhancedCode{4, 7, 1}, Text: "come again"}
	silence = &gateway.Status{Code: 451, Enhanced: gateway.EnhancedCode{4, 4, 2}, Text: "no reply"}
	down    = &gateway.Status{Code: 451, Enhanced: gateway.EnhancedCode{4, 4, 1}, Text: "connection refused"}
)

// hosts are the next hops. How a mailbox behaves is told by its local part:
// dead1 is refused for good, never1 is always put off, grey1 is put off three
// times, spam1 is refused by a rule, good1 is up to chance.
type hosts struct {
	w       *world
	outages map[string][2]time.Time // of a route
	greeted map[string]int
	taken   map[string]int // copies, by token and path
}

// Deliver implements gateway.Transport.
func (h *hosts) Deliver(_ context.Context, _ string, next func() (*gateway.Shipment, int)) {
	for s, left := next(); s != nil; s, left = next() {
		content, err := s.Content()
		if err != nil {
			continue
		}
		settled := make(chan struct{})
		s.Settle(h.deliver(s.Delivery, content), func() { close(settled) })
		if left > 0 { // the last is settled after Deliver
			<-settled
		}
	}
}

func (h *hosts) deliver(d *gateway.Delivery, content gateway.Content) []*gateway.Status {
	statuses := make([]*gateway.Status, len(d.Recipients))
	answer := func(f func(to gateway.ForwardPath) *gateway.Status) []*gateway.Status {
		for i, to := range d.Recipients {
			statuses[i] = f(to.Path)
		}
		return statuses
	}
	always := func(s *gateway.Status) func(gateway.ForwardPath) *gateway.Status {
		return func(gateway.ForwardPath) *gateway.Status { return s }
	}
	now, outage := time.Now(), h.outages[d.Route]
	switch luck := h.w.rng.IntN(100); {
	case h.w.disk.dark():
		return answer(always(down))
	case now.After(outage[0]) && now.Before(outage[1]):
		return answer(always(down))
	case luck < 3:
		time.Sleep(5 * time.Minute)
		return answer(always(silence))
	case luck < 6: // the copies arrive, the replies do not
		answer(h.mailbox)
		h.take(d, content, statuses)
		return answer(always(silence))
	}
	answer(h.mailbox)
	h.take(d, content, statuses)
	return statuses
}

func (h *hosts) mailbox(to gateway.ForwardPath) *gateway.Status {
	luck := h.w.rng.IntN(100)
	switch strings.TrimRight(to.Local(), "0123456789") {
	case "dead":
		return noUser
	case "never":
		return later
	case "spam":
		return policy
	case "grey":
		if h.greeted[string(to)]++; h.greeted[string(to)]%4 != 0 {
			return later
		}
	}
	switch {
	case luck < 2:
		return noUser
	case luck < 10:
		return later
	}
	return gateway.Accepted
}

// take looks at the copies of a transaction, and now and then answers one with a bounce.
func (h *hosts) take(d *gateway.Delivery, content gateway.Content, statuses []*gateway.Status) {
	for i, to := range d.Recipients {
		if statuses[i] != gateway.Accepted {
			continue
		}
		token, err := h.w.examine(d, content, to.Path)
		if err != nil {
			h.w.ledger.fail("the copy of %s for %s: %v", token, to.Path, err)
		}
		h.taken[token+" "+string(to.Path)]++
		h.w.tell("%s arrived at %s", token, to.Path)
		if strings.Contains(string(d.ReversePath), "-bounces+") && h.w.rng.IntN(12) == 0 {
			h.w.clients.bounce(d.ReversePath, to.Path)
		}
	}
}

func read(content gateway.Content) (string, error) {
	r, err := content.Open()
	if err != nil {
		return "", err
	}
	defer r.Close()
	all, err := io.ReadAll(r)
	if err == nil && int64(len(all)) != content.Size() {
		err = fmt.Errorf("%d octets of %d", len(all), content.Size())
	}
	return string(all), err
}

// tokenOf is the name that the client gave a message, "" for a report.
func tokenOf(content gateway.Content) string {
	draft, err := gateway.OpenDraft(content)
	if err != nil {
		return ""
	}
	return draft.Header.Get("X-Token")
}

// examine compares a copy with the message that it is of. Fields may stand
// above it, and its body may be the one that a handler put in; the rest is as
// the client sent it.
func (w *world) examine(d *gateway.Delivery, content gateway.Content, to gateway.ForwardPath) (token string, err error) {
	text, err := read(content)
	if err != nil {
		return "", err
	}
	if token = tokenOf(content); token == "" {
		return w.examineReport(d, content, text)
	}
	original := w.clients.contents[token]
	above, whole := strings.CutSuffix(text, original)
	if !whole {
		header, _, _ := strings.Cut(original, "\r\n\r\n")
		if above, whole = strings.CutSuffix(text, header+"\r\n\r\n"+replacement(token)); !whole {
			return token, fmt.Errorf("%d octets that are not those of the message of %d", len(text), len(original))
		}
	}
	header, err := gateway.OpenDraft(gateway.Bytes(above + "\r\n"))
	if err != nil {
		return token, err
	}
	if header.Header.Count("Received") != 1 || header.Header.Count("Authentication-Results") != 1 {
		return token, fmt.Errorf("the trace is wrong: %q", above)
	}
	if member := header.Header.Get("X-Member"); member != "" && member != string(to) {
		return token, fmt.Errorf("it is the copy of %s", member)
	}
	if mark := header.Header.Get("X-Leg"); mark != "" && !fits(mark, to) {
		return token, fmt.Errorf("it is of the leg %s", mark)
	}
	return token, nil
}

// fits says whether a leg of this mark has such recipients.
func fits(mark string, to gateway.ForwardPath) bool {
	service, list, _ := strings.Cut(mark, " ")
	switch gateway.Service(service) {
	case gateway.Post:
		return to.Domain() == strings.TrimSuffix(list, "."+listDomain)+".example" || to.Domain() == othersDomain
	case gateway.Forward:
		return to.Domain() == backendDomain || to.Domain() == othersDomain
	}
	return to.Domain() == ownersDomain || to.Domain() == othersDomain
}

func (w *world) examineReport(d *gateway.Delivery, content gateway.Content, text string) (token string, err error) {
	draft, err := gateway.OpenDraft(content)
	if err != nil {
		return "", err
	}
	id, _, _ := strings.Cut(strings.TrimPrefix(draft.Header.Get("Message-ID"), "<"), "@")
	switch {
	case !d.ReversePath.IsNull():
		err = fmt.Errorf("a report has the reverse-path %s", d.ReversePath)
	case draft.Header.Get("Precedence") == "bulk": // a notice: some have one part
	case !strings.HasSuffix(text, "--\r\n"), !strings.Contains(text, "Action: failed"):
		err = fmt.Errorf("the report is not whole: %.200q", text)
	}
	return "report " + id, err
}
