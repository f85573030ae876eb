package conformance

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mmgw/mmgw/gateway"
)

// SessionLines are the lines of a case's session, for people.
const SessionLines = `    hook NAME                 recipient incoming outgoing plan result; else
                              incoming if the module has it, or its first
    from PATH                 reverse-path, <> for the null one; anne@example.com
    to PATH [DETAIL]          a recipient; may be repeated; dev@lists.example.com
    service NAME              of the recipients; post
    list ADDRESS              dev@lists.example.com
    forward                   there is no list
    client IP [NAME [HELO]]   that the MTA was talking to
    role NAME                 of the sender: owner moderator member none; none
    route NAME                that the module may choose; may be repeated
    spf RESULT
    arc RESULT
    dkim RESULT DOMAIN SELECTOR
    dmarc RESULT POLICY DOMAIN
    duplicate                 a message had this Message-ID with other content
    result CODE ENHANCED TEXT what the remote host answered
`

// session is the circumstances of a message.
type session struct {
	hook      string
	from      gateway.ReversePath
	to        []gateway.Recipient
	details   []string
	service   gateway.Service
	list      gateway.ForwardPath
	forward   bool
	client    gateway.Client
	role      string
	routes    []string
	auth      gateway.AuthResults
	duplicate bool
	status    *gateway.Status
}

// received is when the messages of cases came: texts that name the time are
// the same in every run.
var received = time.UnixMilli(1_700_000_000_000)

// newSession is what holds where a case says nothing.
func newSession() *session {
	return &session{from: "anne@example.com", service: gateway.Post, list: "dev@lists.example.com", role: "none", status: gateway.Accepted}
}

// parseSession reads the lines of a section.
func parseSession(lines [][]string) (*session, error) {
	s := newSession()
	for _, words := range lines {
		if err := s.parse(words[0], words[1:]); err != nil {
			return nil, fmt.Errorf("%q: %w", strings.Join(words, " "), err)
		}
	}
	return s, nil
}

// word is one kind of line: how many words follow, and what they do.
type word struct {
	least, most int
	apply       func(s *session, args []string) error
}

// words are all kinds of lines. They do not change.
var words = map[string]word{
	"hook":      {1, 1, func(s *session, a []string) error { s.hook = a[0]; return nil }},
	"from":      {1, 1, (*session).setFrom},
	"to":        {1, 2, (*session).addRecipient},
	"service":   {1, 1, func(s *session, a []string) error { s.service = gateway.Service(a[0]); return nil }},
	"list":      {1, 1, func(s *session, a []string) (err error) { s.list, err = gateway.ParseForwardPath(a[0]); return err }},
	"forward":   {0, 0, func(s *session, _ []string) error { s.forward = true; return nil }},
	"client":    {1, 3, (*session).setClient},
	"role":      {1, 1, func(s *session, a []string) error { s.role = a[0]; return nil }},
	"route":     {1, 1, func(s *session, a []string) error { s.routes = append(s.routes, a[0]); return nil }},
	"spf":       {1, 1, func(s *session, a []string) error { s.auth.SPF = a[0]; return nil }},
	"arc":       {1, 1, func(s *session, a []string) error { s.auth.ARC = a[0]; return nil }},
	"dkim":      {3, 3, (*session).addDKIM},
	"dmarc":     {3, 3, (*session).setDMARC},
	"duplicate": {0, 0, func(s *session, _ []string) error { s.duplicate = true; return nil }},
	"result":    {2, 99, (*session).setStatus},
}

func (s *session) parse(name string, args []string) error {
	w, known := words[name]
	switch {
	case !known:
		return fmt.Errorf("a session has no %q; it has %s", name, strings.Join(slices.Sorted(maps.Keys(words)), " "))
	case len(args) < w.least || len(args) > w.most:
		return fmt.Errorf("%q takes %d to %d words", name, w.least, w.most)
	}
	return w.apply(s, args)
}

func (s *session) setFrom(a []string) (err error) {
	s.from, err = gateway.ParseReversePath(strings.Trim(a[0], "<>"))
	return err
}

func (s *session) addRecipient(a []string) error {
	path, err := gateway.ParseForwardPath(a[0])
	s.to = append(s.to, gateway.Recipient{Path: path})
	s.details = append(s.details, strings.Join(a[1:], ""))
	return err
}

func (s *session) setClient(a []string) (err error) {
	a = append(a, "", "")
	s.client.Name, s.client.Helo = a[1], a[2]
	s.client.Addr, err = netip.ParseAddr(a[0])
	return err
}

func (s *session) addDKIM(a []string) error {
	s.auth.DKIM = append(s.auth.DKIM, gateway.DKIMResult{Result: a[0], Domain: a[1], Selector: a[2]})
	return nil
}

func (s *session) setDMARC(a []string) error {
	s.auth.DMARC = gateway.DMARCResult{Result: a[0], Policy: a[1], Domain: a[2]}
	return nil
}

func (s *session) setStatus(a []string) error {
	code, err := strconv.Atoi(a[0])
	if err != nil {
		return err
	}
	enhanced, err := gateway.ParseEnhancedCode(a[1])
	s.status = &gateway.Status{Code: code, Enhanced: enhanced, Text: strings.Join(a[2:], " ")}
	return err
}

// exchange is what a module gets to see of a message in a phase.
func (s *session) exchange(phase gateway.Phase, content gateway.Bytes, listConfig map[string]any) (*gateway.Exchange, error) {
	to, details := s.to, s.details
	if to == nil {
		to, details = []gateway.Recipient{{Path: "dev@lists.example.com"}}, []string{""}
	}
	leg := gateway.Leg{Service: s.service, PostNumber: 12, Details: details}
	for i := range to {
		leg.Recipients = append(leg.Recipients, gateway.RecipientID(i))
	}
	m := &gateway.Message{ID: 1 << 40, Received: received, Client: s.client, Content: content}
	m.Envelope = gateway.Envelope{ReversePath: s.from, Recipients: to}
	x := &gateway.Exchange{Phase: phase, Message: m, Recipients: to, RouteNames: s.routes, SenderRole: func() string { return s.role }}
	x.Auth = func() gateway.AuthResults { return s.auth }
	if !s.forward {
		leg.List = gateway.NewListID(s.list)
		x.List = &gateway.List{ID: leg.List, Address: s.list, Posting: gateway.PostingMembers, Config: listConfig}
	}
	m.Legs = []gateway.Leg{leg}
	x.Leg = &m.Legs[0]
	if s.duplicate {
		x.Duplicate = 1 << 39
	}
	switch phase {
	case gateway.PhaseRecipient:
		return x, nil
	case gateway.PhaseOutgoing:
		x.Recipients = nil
	case gateway.PhaseResult:
		x.Result = &gateway.Result{Recipient: to[0], Status: s.status, Attempt: 1}
	}
	var err error
	x.Draft, err = gateway.OpenDraft(content)
	return x, err
}

// phases are the hooks by the names that inspect has for them, in the order in
// which one is chosen.
var phases = []struct {
	name  string
	phase gateway.Phase
}{
	{"incoming", gateway.PhaseIncoming},
	{"outgoing", gateway.PhaseOutgoing},
	{"plan", gateway.PhasePlan},
	{"recipient", gateway.PhaseRecipient},
	{"result", gateway.PhaseResult},
}
