// Package dsn writes delivery status notifications: reports to the reverse-path of a
// message about recipients that it could not reach, has not reached yet, or has reached
// if a report of that was asked for.
//
// Their form is that of RFC 3464, in the container of RFC 6522, with RFC 6533 for
// addresses in UTF-8, RFC 3461 for ORCPT, ENVID, RET and NOTIFY, and RFC 3834 against
// loops. The package promises:
//
//   - no report to the null reverse-path;
//   - nothing that a message, a client or a remote host said can add a header field, a
//     report field or a part;
//   - for any original, only CRLF line ends, no line above 998 octets, and a bounded
//     size;
//   - the same arguments give the same octets.
//
// The caller decides who gets a report and when, and sends it with a null reverse-path.
// Package bounce reads reports.
package dsn

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mmgw/mmgw/gateway"
)

// Action is what happened to a recipient's copy (RFC 3464, section 2.3.3). A recipient
// that was given up after its retries is Failed with status 4.4.7.
type Action string

// The actions of RFC 3464.
const (
	Failed    Action = "failed"    // given up
	Delayed   Action = "delayed"   // still being tried
	Delivered Action = "delivered" // in the mailbox
	Relayed   Action = "relayed"   // sent on to a host that does not report success
	Expanded  Action = "expanded"  // sent on to the members of a list
)

// Wanted says whether NOTIFY asks for a report of this action (RFC 3461, section 4.1).
// Without NOTIFY failures and delays are reported.
func (a Action) Wanted(notify gateway.Notify) bool {
	if notify == 0 {
		notify = gateway.NotifyFailure | gateway.NotifyDelay
	}
	switch a {
	case Failed:
		return notify&gateway.NotifyFailure != 0
	case Delayed:
		return notify&gateway.NotifyDelay != 0
	}
	return notify&gateway.NotifySuccess != 0
}

// Recipient is one recipient, and what is reported of it. Of the embedded
// gateway.Recipient the path and ORCPT are used. Notify is not: the caller must obey it
// (see Action.Wanted).
type Recipient struct {
	gateway.Recipient
	Action      Action
	Status      *gateway.Status // its Cause stays private; nil: gateway.Accepted or Deferred, by Action
	RemoteMTA   string          // host that replied, at most 255 octets; "" if Status is our own
	LastAttempt time.Time       // zero: left out
	RetryUntil  time.Time       // of Delayed: when it will be given up; zero: left out
}

// Report is one delivery status notification about one message.
type Report struct {
	ReportingMTA string              // our host name
	From         gateway.ForwardPath // of the From field, such as mailer-daemon@ our host
	To           gateway.ReversePath // the reverse-path of the message, never null
	Double       bool                // the reverse-path of the message was null: To is the owner of the site
	QueueID      gateway.QueueID
	EnvelopeID   string    // ENVID, decoded; "": none
	Arrival      time.Time // when the message came in; zero: left out
	Recipients   []Recipient
	Original     gateway.Content // nil: nothing is returned
	Return       gateway.Return  // RET; "": only the header is returned
}

// ErrNullReversePath says that a report would go to the null reverse-path: a
// bounce of a bounce, which RFC 5321, section 4.5.5, forbids.
var ErrNullReversePath = errors.New("a delivery status notification cannot go to the null reverse-path")

// Content is the report as a message. Its Date is now, its Message-ID is messageID, with
// angle brackets. The header is ASCII unless To or From is not: then the message needs
// SMTPUTF8. Its body may have octets above 127.
//
// It fails with ErrNullReversePath, or if an address, a name or an ID is malformed, if
// there are no recipients, or if Original cannot be read.
func (r Report) Content(now time.Time, messageID string) (gateway.Content, error) {
	if err := r.check(messageID); err != nil {
		return nil, fmt.Errorf("write a delivery status notification: %w", err)
	}
	original, err := returned(r.Original, r.fullWanted())
	if err != nil {
		return nil, fmt.Errorf("write a delivery status notification: read the original: %w", err)
	}
	parts := []part{r.textPart(), r.statusPart()}
	if original.body != nil {
		parts = append(parts, original.part)
	}
	return r.assemble(parts, r.header(now, messageID, original.messageID))
}

// fullWanted says whether RET asks for the whole message: it applies only to failures
// (RFC 3461, section 4.3).
func (r Report) fullWanted() bool {
	return r.Return == gateway.ReturnFull && r.has(Failed)
}

// has says whether any recipient is reported with that action.
func (r Report) has(action Action) bool {
	return slices.ContainsFunc(r.Recipients, func(one Recipient) bool { return one.Action == action })
}

// check checks what goes into fields without escapes. It parses addresses again: their
// types are strings, which nobody need have parsed.
func (r Report) check(messageID string) error {
	if r.To.IsNull() {
		return ErrNullReversePath
	}
	if _, err := gateway.ParseReversePath(string(r.To)); err != nil {
		return fmt.Errorf("the reverse-path: %w", err)
	}
	if _, err := gateway.ParseForwardPath(string(r.From)); err != nil {
		return fmt.Errorf("the address it comes from: %w", err)
	}
	if !isHost(r.ReportingMTA) {
		return fmt.Errorf("the reporting MTA %q is not a host name", gateway.Printable(r.ReportingMTA))
	}
	if !isMessageID(messageID) {
		return fmt.Errorf("%q is not a Message-ID", gateway.Printable(messageID))
	}
	if len(r.Recipients) == 0 {
		return errors.New("it has no recipients")
	}
	for _, one := range r.Recipients {
		if err := one.check(); err != nil {
			return err
		}
	}
	return nil
}

// check checks the path and the action.
func (r Recipient) check() error {
	switch r.Action {
	case Failed, Delayed, Delivered, Relayed, Expanded:
	default:
		return fmt.Errorf("recipient %s: %q is not an action", gateway.Printable(string(r.Path)), gateway.Printable(string(r.Action)))
	}
	_, err := gateway.ParseForwardPath(string(r.Path))
	return err
}

// status is the status to report, never nil.
func (r Recipient) status() *gateway.Status {
	switch {
	case r.Status != nil:
		return r.Status
	case r.Action == Failed, r.Action == Delayed:
		return gateway.Deferred(nil)
	}
	return gateway.Accepted
}

// isHost says whether s can follow "dns;" in a report field.
func isHost(s string) bool {
	return s != "" && len(s) <= gateway.DomainBytesMax && isWord(s)
}

// isWord says whether s is printable ASCII without space.
func isWord(s string) bool {
	return strings.IndexFunc(s, func(c rune) bool { return c <= ' ' || c > '~' }) < 0
}

// messageIDBytesMax keeps a References field with one ID within a line.
const messageIDBytesMax = 900

// isMessageID says whether s is a Message-ID: printable ASCII between angle brackets. It
// is stricter than msg-id of RFC 5322, section 3.6.4, which allows comments and folds
// that nobody writes.
func isMessageID(s string) bool {
	return len(s) > 3 && len(s) <= messageIDBytesMax && isWord(s) &&
		s[0] == '<' && strings.IndexByte(s, '>') == len(s)-1 && strings.LastIndexByte(s, '<') == 0
}
