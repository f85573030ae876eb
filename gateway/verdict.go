package gateway

import (
	"context"
	"fmt"
	"time"
)

// Action is what a handler wants to become of a leg or a recipient. The
// numbers are those of the ABI (sdk/ABI.md, Verdict).
type Action int

// The actions.
const (
	Continue Action = 0 // the next handler decides
	Accept   Action = 1 // no further handler is asked
	Reject   Action = 2 // a permanent failure, 5xx
	Defer    Action = 3 // a transient failure, 4xx
	Discard  Action = 4 // accepted and thrown away
	Hold     Action = 5 // accepted and kept for an owner
)

var actionNames = [...]string{"continue", "accept", "reject", "defer", "discard", "hold"}

func (a Action) String() string {
	if a >= 0 && int(a) < len(actionNames) {
		return actionNames[a]
	}
	return "unknown"
}

// Verdict is the result of one handler call that ended well. A call that did
// not end well has no verdict but an error, and none of its edits apply.
type Verdict struct {
	Action     Action
	Status     *Status // of Reject and Defer: its class fits the action; of Hold: its Text is the reason, nil for none
	Edits      []Edit
	Recipients map[RecipientID]Disposition // those that fare differently
	Added      []Recipient
	Route      string // of set("route", ...), "" for none
	Module     string // name@digest of the module that ruled, where it was another than the one asked; else ""
	Usage      Usage
}

// Disposition is what a handler wants for one recipient.
type Disposition struct {
	Action   Action
	Status   *Status
	Removed  bool
	Redirect ForwardPath // "" keeps the address
	Notify   *Notify
}

// Usage is what a handler call cost.
type Usage struct {
	Fuel      int64 // units of the meter; 0 where it did not run
	Time      time.Duration
	HostCalls int64
}

// Handler is a step of a leg's way. The error says that the handler itself
// failed, by a trap, by its limits or by its own word; its text is fit for the
// log. It is safe for concurrent use.
type Handler interface {
	Handle(ctx context.Context, x *Exchange) (Verdict, error)
}

// Planner says how a batch of recipients is to be addressed.
type Planner interface {
	Plan(ctx context.Context, x *Exchange) (Plan, error)
}

// Plan is how the recipients of one batch are to be addressed.
type Plan struct {
	RecipientsMax int          // of one transaction; 0: as [mta] max_recipients
	ByDomain      bool         // recipients of different domains share no transaction
	VERP          bool         // a transaction and a reverse-path of its own for every recipient
	ReversePath   *ReversePath // nil: the list's -bounces address
	Route         string
	Priority      int // higher ones go first, 0 is usual
	NotBefore     time.Time
	Expires       time.Time
	Edits         []Edit                // of every copy; templates allowed
	Recipients    map[int]RecipientPlan // by index in Exchange.Recipients
	Module        string                // name@digest of the module that planned, "" where that is not known
	Usage         Usage
}

// String is the plan in a line for people, except for its edits and what it says
// of single recipients.
func (p Plan) String() string {
	text := "plan"
	add := func(set bool, format string, args ...any) {
		if set {
			text += " " + fmt.Sprintf(format, args...)
		}
	}
	add(p.RecipientsMax > 0, "max_rcpts=%d", p.RecipientsMax)
	add(p.ByDomain, "by_domain")
	add(p.VERP, "verp")
	if p.ReversePath != nil {
		add(true, "mail_from=<%s>", Printable(string(*p.ReversePath)))
	}
	add(p.Route != "", "route=%s", Printable(p.Route))
	add(p.Priority != 0, "priority=%d", p.Priority)
	add(!p.NotBefore.IsZero(), "not_before=%s", p.NotBefore.Format(time.RFC3339))
	add(!p.Expires.IsZero(), "expires=%s", p.Expires.Format(time.RFC3339))
	add(len(p.Recipients) > 0, "recipients=%d", len(p.Recipients))
	return text
}

// RecipientPlan is what a plan says of one recipient. Texts may have
// placeholders (Copy.Fill).
type RecipientPlan struct {
	Redirect    ForwardPath
	ReversePath string // "": as the plan says
	Notify      *Notify
	Header      map[string]string // fields that this copy alone gets, by name
	Removed     bool
}
