// Package bounce reads what comes back to the reverse-path of a message:
// whether it is a bounce, which recipients it speaks of, and what it says
// about each.
//
// It recognises the reports of RFC 3464 and RFC 6533, abuse reports (RFC 5965),
// the X-Failed-Recipients field of Exim, the QSBMF text of qmail, the
// notifications of Amazon SES, what other mail systems write for people, and
// automatic replies (RFC 3834), which are no bounces. It promises:
//
//   - only a part that stands in the message itself counts, never one inside
//     a message that is returned or forwarded, but for a report that a mail
//     system passes on in a notice of its own that names nobody;
//   - a delay, a full mailbox, and a refusal by a rule are told from an
//     address that is dead;
//   - a message of any form costs time linear in the octets that are read, of
//     which there are at most ContentBytesMax.
//
// All it finds is what a stranger wrote: whether to believe it is up to the
// caller, who knows which address it came to. Writing reports belongs to
// package dsn.
package bounce

import (
	"encoding/json"

	"github.com/mmgw/mmgw/gateway"
)

// Action is what a bounce says was done about a recipient. "" goes with an
// automatic reply.
type Action string

// The actions that a bounce can have.
const (
	Failed  Action = "failed"  // given up
	Delayed Action = "delayed" // still being tried; a failure may follow
)

// Class is what a finding means for the mailbox. Only Hard says that there is no
// such address.
type Class string

// The classes of a finding.
const (
	Hard      Class = "hard"       // the address does not work
	Soft      Class = "soft"       // it may work later: a host away, an account suspended, a refusal that says nothing
	Policy    Class = "policy"     // this message or its sender was refused; the address may be well
	Full      Class = "full"       // the mailbox has no room
	AutoReply Class = "auto-reply" // a vacation note or the like: the address works
	Challenge Class = "challenge"  // a person is asked to confirm the message: the address works
)

// Recipient is what a message says about one address.
type Recipient struct {
	Address    gateway.ForwardPath  // the one that failed; "" where none is named that is valid
	Original   gateway.ForwardPath  // the one that the message was sent to, where a report tells it; a list looks for this one first
	Action     Action               // "" for AutoReply, Challenge and complaints
	Status     gateway.EnhancedCode // zero where it says none
	Class      Class
	Diagnostic string // the remote host's words, printable, at most 480 octets; "" for none
}

// MarshalJSON writes {"address","action","status","class"}, the status as text.
func (r Recipient) MarshalJSON() ([]byte, error) {
	status := ""
	if r.Status != (gateway.EnhancedCode{}) {
		status = r.Status.String()
	}
	return json.Marshal(struct {
		Address string `json:"address"`
		Action  Action `json:"action"`
		Status  string `json:"status"`
		Class   Class  `json:"class"`
	}{string(r.Address), r.Action, status, r.Class})
}

// Finding is what a message is. One that is no bounce and has no recipients
// was not recognised, or reports a success.
type Finding struct {
	Bounce     bool        `json:"bounce"`
	Complaint  bool        `json:"complaint,omitempty"` // a recipient says that the message is abuse (RFC 5965)
	Recipients []Recipient `json:"recipients"`          // at most RecipientsMax, never nil

	ReversePath gateway.ReversePath `json:"-"` // of the message that a complaint is about, where it tells
}

// Inspect reads a message. Line ends of any kind are taken. The error is of
// reading content alone: a message that is broken is just not recognised.
func Inspect(content gateway.Content) (Finding, error) {
	m, err := read(content)
	if err != nil {
		return Finding{}, err
	}
	if found, ok := feedback(m); ok {
		return Finding{Bounce: true, Complaint: isAbuse(m), Recipients: append([]Recipient{}, found...), ReversePath: m.originalFrom()}, nil
	}
	if found, complained, ok := m.notification(); ok {
		return Finding{Bounce: true, Complaint: complained, Recipients: found}, nil
	}
	if found, ok := reported(m); ok {
		return Finding{Bounce: len(found) > 0, Recipients: append([]Recipient{}, found...)}, nil
	}
	for _, form := range []func(message) []Recipient{exim, qmail, passedOn, notice} {
		if found := form(m); len(found) > 0 {
			return Finding{Bounce: true, Recipients: found}, nil
		}
	}
	if reply, ok := autoReply(m); ok {
		return Finding{Recipients: []Recipient{reply}}, nil
	}
	return Finding{Recipients: []Recipient{}}, nil
}
