package gateway

import (
	"strconv"
	"strings"
)

// Phase says at which point of a message's way a handler is called.
type Phase int

// The phases, named after the exports of the ABI that serve them.
const (
	PhaseRecipient Phase = iota // at RCPT, envelope only
	PhaseIncoming               // before the reply, once a leg
	PhaseOutgoing               // before expansion, once a post and list
	PhasePlan                   // once a batch
	PhaseResult                 // after the remote answered
)

// Exchange is all that one handler call may see. Its parts are read only but
// for Draft, which stays as it was: a call reports its edits in its Verdict.
type Exchange struct {
	Phase       Phase
	Message     *Message
	Leg         *Leg
	List        *List              // nil on a forward route
	Draft       *Draft             // nil in PhaseRecipient
	Recipients  []Recipient        // of the leg, or of the batch; empty in PhaseOutgoing
	RouteNames  []string           // that set("route") may name
	SenderRole  func() string      // owner, moderator, member or none, looked up on first use; nil: nothing is known
	Result      *Result            // of PhaseResult
	Auth        func() AuthResults // computed on first use, also after the call has ended; nil: nothing is known
	Unsubscribe string             // where members of List leave by one click; "" where they do not
	Duplicate   QueueID            // a message with this Message-ID and other content
	Rehearsal   bool               // nothing comes of the call: what the module keeps and counts is apart from what it does in earnest
}

// Result is what a remote host answered for one recipient.
type Result struct {
	Recipient Recipient
	Status    *Status
	Attempt   int
}

// AuthResults is what authentication found (RFC 8601). Result texts are its
// lower-case result names: pass, fail, none, temperror, permerror, ...
type AuthResults struct {
	SPF   string
	DKIM  []DKIMResult
	DMARC DMARCResult
	ARC   string
}

// DKIMResult is one signature of RFC 6376.
type DKIMResult struct {
	Result, Domain, Selector string
	Reason                   string // why it is not a pass
}

// DMARCResult is the policy that the author's domain asks for, and whether it holds.
type DMARCResult struct{ Result, Policy, Domain string }

// Lookup returns the value of a key of the ABI that the message, its list or
// its delivery answer (sdk/ABI.md, Keys). Keys of the module itself are the
// sandbox's.
func (x *Exchange) Lookup(key string) (string, bool) {
	group, rest, _ := strings.Cut(key, ".")
	switch group {
	case "env":
		return x.lookupClient(rest)
	case "msg":
		return x.lookupMessage(rest)
	case "list":
		return x.lookupList(rest)
	case "rcpt":
		return x.lookupRecipient(rest)
	case "auth":
		return x.lookupAuth(rest)
	case "result":
		return x.lookupResult(rest)
	}
	switch key {
	case "sender.role":
		if x.SenderRole == nil {
			return "", false
		}
		return x.SenderRole(), true
	case "route.names":
		return strings.Join(x.RouteNames, "\n"), true
	}
	return "", false
}

func present(s string) (string, bool) { return s, s != "" }

func (x *Exchange) lookupClient(key string) (string, bool) {
	client := x.Message.Client
	switch key {
	case "mail_from":
		return string(x.Message.Envelope.ReversePath), true
	case "client_ip":
		if client.Addr.IsValid() {
			return client.Addr.String(), true
		}
	case "client_name":
		return present(client.Name)
	case "helo":
		return present(client.Helo)
	}
	return "", false
}

func (x *Exchange) lookupMessage(key string) (string, bool) {
	m := x.Message
	switch key {
	case "id":
		return m.ID.String(), m.ID != 0
	case "size":
		if m.Content != nil {
			return strconv.FormatInt(m.Content.Size(), 10), true
		}
	case "received_ms":
		return strconv.FormatInt(m.Received.UnixMilli(), 10), true
	case "duplicate_id":
		return x.Duplicate.String(), x.Duplicate != 0
	}
	return "", false
}

func (x *Exchange) lookupList(key string) (string, bool) {
	l := x.List
	if l == nil {
		return "", false
	}
	switch key {
	case "id":
		return string(l.ID), true
	case "address":
		return string(l.Address), true
	case "name":
		return l.Address.Local(), true
	case "description":
		return l.Description, true
	case "posting":
		return string(l.Posting), true
	case "verp_interval":
		return strconv.Itoa(l.VERPInterval), true
	case "unsubscribe_url":
		return present(x.Unsubscribe)
	case "personalize":
		return strconv.FormatBool(l.Personalize), true
	case "post_number":
		if x.Leg != nil && x.Leg.PostNumber > 0 {
			return strconv.FormatUint(x.Leg.PostNumber, 10), true
		}
	}
	if path, ok := strings.CutPrefix(key, "config."); ok {
		return LookupConfig(l.Config, path)
	}
	return "", false
}

func (x *Exchange) lookupRecipient(key string) (string, bool) {
	number, field, _ := strings.Cut(key, ".")
	i, err := strconv.Atoi(number)
	if err != nil || i < 0 || i >= len(x.Recipients) || x.Leg == nil {
		return "", false
	}
	switch field {
	case "service":
		return string(x.Leg.Service), true
	case "list":
		return present(string(x.Leg.List))
	case "detail":
		if i < len(x.Leg.Details) {
			return present(x.Leg.Details[i])
		}
	case "original":
		return present(x.Recipients[i].Original)
	}
	return "", false
}

func (x *Exchange) lookupResult(key string) (string, bool) {
	r := x.Result
	if r == nil {
		return "", false
	}
	switch key {
	case "code":
		return strconv.Itoa(r.Status.Code), true
	case "enh":
		return r.Status.Detail().String(), true
	case "text":
		return r.Status.Text, true
	case "attempt":
		return strconv.Itoa(r.Attempt), true
	}
	return "", false
}

func (x *Exchange) lookupAuth(key string) (string, bool) {
	if x.Auth == nil {
		return "", false
	}
	results := x.Auth()
	switch key {
	case "spf.result":
		return present(results.SPF)
	case "arc.result":
		return present(results.ARC)
	case "dmarc.result":
		return present(results.DMARC.Result)
	case "dmarc.policy":
		return present(results.DMARC.Policy)
	case "dmarc.domain":
		return present(results.DMARC.Domain)
	case "dkim.#":
		return strconv.Itoa(len(results.DKIM)), true
	}
	if rest, ok := strings.CutPrefix(key, "dkim."); ok {
		return lookupDKIM(results.DKIM, rest)
	}
	return "", false
}

func lookupDKIM(signatures []DKIMResult, key string) (string, bool) {
	number, field, _ := strings.Cut(key, ".")
	i, err := strconv.Atoi(number)
	if err != nil || i < 0 || i >= len(signatures) {
		return "", false
	}
	switch field {
	case "result":
		return present(signatures[i].Result)
	case "domain":
		return present(signatures[i].Domain)
	case "selector":
		return present(signatures[i].Selector)
	}
	return "", false
}

// LookupConfig returns the scalar at a dotted path of a table as text: "a.b",
// "list.0", and "list.#" for a length. Tables and lists themselves are absent.
func LookupConfig(table map[string]any, path string) (string, bool) {
	var value any = table
	for step := range strings.SplitSeq(path, ".") {
		switch node := value.(type) {
		case map[string]any:
			value = node[step]
		case []any:
			if step == "#" {
				value = int64(len(node))
				continue
			}
			i, err := strconv.Atoi(step)
			if err != nil || i < 0 || i >= len(node) {
				return "", false
			}
			value = node[i]
		default:
			return "", false
		}
	}
	return scalarText(value)
}

func scalarText(value any) (string, bool) {
	switch v := value.(type) {
	case string:
		return v, true
	case bool:
		return strconv.FormatBool(v), true
	case int64:
		return strconv.FormatInt(v, 10), true
	case int:
		return strconv.Itoa(v), true
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64), true
	}
	return "", false
}
