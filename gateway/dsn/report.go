// Package dsn writes delivery status notifications: what the one who sent a
// message is told about recipients that it did not reach, does not reach yet,
// or reached where a report was asked for.
//
// It owns the form (RFC 3464 for the report, RFC 6522 for its container, RFC
// 6533 where addresses need UTF-8, RFC 3461 for what ORCPT, ENVID, RET and
// NOTIFY change in it, RFC 3834 for what keeps it out of loops). It promises:
//
//   - no report to the null reverse-path;
//   - nothing that a message, a client or a remote host said can add a header
//     field, a report field or a part;
//   - CRLF line ends only, no line above 998 octets, and a bounded size,
//     whatever came back;
//   - the same arguments give the same octets.
//
// It decides nothing: who is told what, and when, is the caller's, and so is
// the null reverse-path under which a report leaves. Reading reports belongs
// to package bounce.
package dsn

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mmgw/mmgw/gateway"
)

// Action is what became of a recipient (RFC 3464, section 2.3.3). A recipient
// that is given up after its retries is Failed with status 4.4.7.
type Action string

// The actions of RFC 3464.
const (
	Failed    Action = "failed"    // given up
	Delayed   Action = "delayed"   // still being tried
	Delivered Action = "delivered" // it is in the mailbox
	Relayed   Action = "relayed"   // handed to a host that promises no report
	Expanded  Action = "expanded"  // handed to the members of a list
)

// Wanted says whether NOTIFY lets a recipient be reported with this action
// (RFC 3461, section 4.1). Without NOTIFY failures and delays are reported.
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

// Recipient is one recipient and what is reported of it. Of the embedded
// gateway.Recipient the path and ORCPT are used; Notify is the caller's to
// obey (see Action.Wanted).
type Recipient struct {
	gateway.Recipient
	Action      Action
	Status      *gateway.Status // its Cause stays private; nil: gateway.Accepted or Deferred, as Action has it
	RemoteMTA   string          // host that replied, at most 255 octets; "" where Status is our own finding
	LastAttempt time.Time       // zero: not told
	RetryUntil  time.Time       // of Delayed: when it will be given up; zero: not told
}

// Report is one delivery status notification about one message.
type Report struct {
	ReportingMTA string              // our host name
	From         gateway.ForwardPath // who the report comes from, such as mailer-daemon@ our host
	To           gateway.ReversePath // the reverse-path of the message, never null
	Double       bool                // it was null: To is the owner of the site
	QueueID      gateway.QueueID
	EnvelopeID   string    // ENVID, decoded; "" none
	Arrival      time.Time // when the message came; zero: not told
	Recipients   []Recipient
	Original     gateway.Content // nil: nothing is returned
	Return       gateway.Return  // RET; "" returns the header alone
}

// ErrNullReversePath says that a report would go to the null reverse-path: a
// bounce of a bounce, which RFC 5321, section 4.5.5, forbids.
var ErrNullReversePath = errors.New("a delivery status notification cannot go to the null reverse-path")

// Content is the report as a message of its own. Date is now, messageID the
// Message-ID with its angle brackets. The header is ASCII unless To or From is
// not: then the message needs SMTPUTF8. Its body may hold octets above 127.
//
// It fails with ErrNullReversePath, for addresses, names or an id that are
// malformed, for a report without recipients, and where Original cannot be read.
func (r Report) Content(now time.Time, messageID string) (gateway.Content, error) {
	if err := r.check(messageID); err != nil {
		return nil, fmt.Errorf("write a delivery status notification: %w", err)
	}
	// The original is read before anything is written: a report is whole or an
	// error, never cut.
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

// fullWanted obeys RFC 3461, section 4.3: RET speaks of failures only.
func (r Report) fullWanted() bool {
	return r.Return == gateway.ReturnFull && r.has(Failed)
}

// has says whether any recipient is reported with that action.
func (r Report) has(action Action) bool {
	return slices.ContainsFunc(r.Recipients, func(one Recipient) bool { return one.Action == action })
}

// check parses what goes into fields unescaped again: the types of addresses
// are strings, and a report is no place to trust the way they came.
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

// check refuses a recipient that could not stand in a field, and actions that
// no reader of RFC 3464 would know.
func (r Recipient) check() error {
	switch r.Action {
	case Failed, Delayed, Delivered, Relayed, Expanded:
	default:
		return fmt.Errorf("recipient %s: %q is not an action", gateway.Printable(string(r.Path)), gateway.Printable(string(r.Action)))
	}
	_, err := gateway.ParseForwardPath(string(r.Path))
	return err
}

// status is what is reported of the recipient, never nil.
func (r Recipient) status() *gateway.Status {
	switch {
	case r.Status != nil:
		return r.Status
	case r.Action == Failed, r.Action == Delayed:
		return gateway.Deferred(nil)
	}
	return gateway.Accepted
}

// isHost says whether s can stand after "dns;" in a report field.
func isHost(s string) bool {
	return s != "" && len(s) <= gateway.DomainBytesMax && isWord(s)
}

// isWord says whether s is printable ASCII without space.
func isWord(s string) bool {
	return strings.IndexFunc(s, func(c rune) bool { return c <= ' ' || c > '~' }) < 0
}

// messageIDBytesMax keeps a References field of one id within a line.
const messageIDBytesMax = 900

// isMessageID says whether s can stand in a field of ids: angle brackets at both
// ends alone, printable ASCII between them. It is stricter than msg-id of RFC
// 5322, section 3.6.4, whose comments and folds nobody writes.
func isMessageID(s string) bool {
	return len(s) > 3 && len(s) <= messageIDBytesMax && isWord(s) &&
		s[0] == '<' && strings.IndexByte(s, '>') == len(s)-1 && strings.LastIndexByte(s, '<') == 0
}
