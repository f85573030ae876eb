package pipeline

import (
	"context"
	"crypto/sha256"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/authres"
)

// Intake implements gateway.Intake: it rules on the mail that the MTA hands over, and
// takes responsibility for it.
type Intake struct {
	Site    Site
	Roster  gateway.Roster
	Spool   gateway.Spool
	Chains  Chains
	Auth    *authres.Verifier
	Rejects Rejects
	Routes  []string // names that a handler may choose

	Verify func(ctx context.Context, route string, to gateway.ForwardPath) error // asks a forward route's backend; nil asks nobody

	Timeout time.Duration // of a whole chain
	Expiry  time.Duration // how long delivery is tried

	Posts PostBook // knows posts that come a second time; nil: none is known

	// TrustedReceived is which Received field from the top tells the client,
	// where XFORWARD does not; 0: none.
	TrustedReceived int

	Accepted func([]gateway.Entry)                       // is told of what is due, after the commit
	Keep     func(*gateway.Message, gateway.AuthResults) // is told of each message as it came, before its handlers; nil: nobody does
	Log      *slog.Logger
}

// Recipient answers RCPT: the roster must know the address, a backend must
// take it, and no handler may refuse it by its envelope.
func (in *Intake) Recipient(ctx context.Context, client gateway.Client, envelope *gateway.Envelope, to gateway.Recipient) error {
	route, err := in.resolve(ctx, to.Path)
	if err != nil {
		return err
	}
	if route.Service == gateway.Forward && in.Verify != nil {
		if err := in.Verify(ctx, route.Forward, to.Path); err != nil {
			return err
		}
	}
	if !hasChain(route.Service) {
		return nil
	}
	m := &gateway.Message{Received: time.Now(), Client: client, Envelope: *envelope}
	m.Envelope.Recipients = []gateway.Recipient{to}
	leg := &gateway.Leg{Service: route.Service, Forward: route.Forward, Recipients: []gateway.RecipientID{0}, Details: []string{route.Detail}}
	if route.List != nil {
		leg.List = route.List.ID
	}
	r := in.rule(ctx, in.Chains.Incoming(route.List), gateway.Exchange{
		Phase: gateway.PhaseRecipient, Message: m, Leg: leg, List: route.List, Recipients: m.Envelope.Recipients, RouteNames: in.Routes,
	})
	err = r.refusal()
	if err != nil {
		logger(in.Log).Info("recipient refused", "reverse_path", gateway.Printable(string(envelope.ReversePath)), "recipient", gateway.Printable(string(to.Path)),
			"reply", gateway.AsStatus(err).Reply(), "modules", strings.Join(r.modules, " "))
	}
	return err
}

// refusal is the Status of a ruling that refuses the only recipient, else nil.
func (r ruling) refusal() error {
	if r.action == gateway.Reject || r.action == gateway.Defer {
		return r.status
	}
	if status := r.refused[0]; status != nil {
		return status
	}
	return nil
}

// Message receives a content, has the handlers of each leg rule on it, and commits
// what they accept.
func (in *Intake) Message(ctx context.Context, client gateway.Client, envelope *gateway.Envelope, content io.Reader) []*gateway.Status {
	m, w, err := in.receive(client, envelope, content)
	if err != nil {
		return slices.Repeat([]*gateway.Status{gateway.AsStatus(err)}, len(envelope.Recipients))
	}
	defer w.Discard()
	replies := make([]*gateway.Status, len(envelope.Recipients))
	draft, err := in.examine(ctx, m, replies)
	if err == nil {
		err = in.accept(ctx, m)
	}
	if err == nil {
		in.notePosts(m, draft)
	}
	fill(replies, gateway.AsStatus(err))
	logger(in.Log).Info("message", messageAttrs(m), "size", m.Content.Size(), "legs", len(m.Legs), "modules", modulesOf(m), "replies", summary(replies))
	return replies
}

// modulesOf names the modules that handled what is left of m, each once.
func modulesOf(m *gateway.Message) string {
	if len(m.Legs) == 1 {
		return strings.Join(m.Legs[0].Handlers, " ")
	}
	var all []string
	for i := range m.Legs {
		all = append(all, m.Legs[i].Handlers...)
	}
	slices.Sort(all)
	return strings.Join(slices.Compact(all), " ")
}

// fill gives every recipient that has no reply yet this one.
func fill(replies []*gateway.Status, status *gateway.Status) {
	for i := range replies {
		if replies[i] == nil {
			replies[i] = status
		}
	}
}

func summary(replies []*gateway.Status) string {
	text := replies[0].Reply()
	for _, reply := range replies[1:] {
		if reply.Reply() != text {
			return "mixed, first " + text
		}
	}
	return text
}

// copyBuffers are the buffers through which contents are copied.
var copyBuffers = sync.Pool{New: func() any {
	buffer := make([]byte, 32<<10)
	return &buffer
}}

// receive streams a content into the spool and digests it.
func (in *Intake) receive(client gateway.Client, envelope *gateway.Envelope, content io.Reader) (*gateway.Message, gateway.ContentWriter, error) {
	now := time.Now()
	id, w, err := in.Spool.Begin(now, false)
	if err != nil {
		return nil, nil, err
	}
	digest := sha256.New()
	buffer := copyBuffers.Get().(*[]byte)
	defer copyBuffers.Put(buffer)
	if _, err := io.CopyBuffer(io.MultiWriter(w, digest), content, *buffer); err != nil {
		w.Discard()
		return nil, nil, err
	}
	m := &gateway.Message{ID: id, Received: now, Client: client, Envelope: *envelope}
	digest.Sum(m.Digest[:0])
	if m.Content, err = w.Content(); err != nil {
		w.Discard()
		return nil, nil, err
	}
	return m, w, nil
}

// examine fills m.Legs with what is to be accepted and replies with what is
// refused. Recipients without a reply are accepted if the commit is. It returns
// the message with its trace.
func (in *Intake) examine(ctx context.Context, m *gateway.Message, replies []*gateway.Status) (*gateway.Draft, error) {
	draft, err := gateway.OpenDraft(m.Content)
	if err != nil {
		return nil, err
	}
	if draft.Header.Count("Received") > hopsMax {
		return nil, errLoop
	}
	if !leavesRoom(draft.Header) {
		return nil, gateway.ErrHeaderTooLarge
	}
	m.Client = withClient(m.Client, draft.Header, in.TrustedReceived)
	auth := in.Auth.Check(ctx, m, draft.Header)
	if in.Keep != nil {
		in.Keep(m, auth)
	}
	return in.examineAs(ctx, m, draft, auth, replies)
}

// examineAs is examine where the results of authentication are known.
func (in *Intake) examineAs(ctx context.Context, m *gateway.Message, draft *gateway.Draft, auth gateway.AuthResults, replies []*gateway.Status) (*gateway.Draft, error) {
	trace := in.traceEdits(m, draft.Header, auth)
	if err := draft.Apply(trace...); err != nil {
		return nil, err
	}
	lasting := context.WithoutCancel(ctx) // a shadow may ask when the transaction has ended
	e := examination{in: in, m: m, draft: draft, auth: auth, trace: trace,
		policy: sync.OnceValue(func() gateway.AuthResults { return in.Auth.Policy(lasting, draft.Header, auth) }),
		author: authorOf(draft.Header), replies: replies}
	legs, lists := split(ctx, in.resolve, m.Envelope.Recipients, replies)
	for i := range legs {
		e.leg(ctx, legs[i], lists[i])
	}
	return draft, nil
}

// rule runs a chain within in.Timeout, and ends it. The number of sessions, and of the
// instances of each module, bound how many run at the same time. One bound on all
// chains would let those that wait for a module hold up the others.
func (in *Intake) rule(ctx context.Context, chain Chain, x gateway.Exchange) ruling {
	defer chain.end()
	if len(chain) == 0 {
		return ruling{}
	}
	ctx, cancel := context.WithTimeout(ctx, in.Timeout)
	defer cancel()
	return chain.run(ctx, x, logger(in.Log))
}

// accept commits the legs of m and tells the queue. Legs that were accepted before, in
// a transaction whose reply got lost, are not stored again.
func (in *Intake) accept(ctx context.Context, m *gateway.Message) error {
	if len(m.Legs) == 0 {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return outOfTime(err)
	}
	duplicates, err := in.Spool.Accept(ctx, m)
	if err != nil {
		return err
	}
	var entries []gateway.Entry
	for i := range m.Legs {
		if slices.Contains(duplicates, i) {
			logger(in.Log).Warn("duplicate", messageAttrs(m), "leg", i, "service", string(m.Legs[i].Service), "list", m.Legs[i].Whose())
			continue
		}
		e := legEntry(m, i, m.Received, m.Received.Add(in.Expiry))
		e.Stage = gateway.StageAccepted // even if it is held: a moderator may have ruled by now, and Expand looks
		entries = append(entries, e)
	}
	if in.Accepted != nil {
		in.Accepted(entries)
	}
	return nil
}
