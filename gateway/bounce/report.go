package bounce

import (
	"cmp"
	"iter"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/mmgw/mmgw/gateway"
)

// RecipientsMax is how many recipients of one message are read. A transaction
// has at most some thousand.
const RecipientsMax = 1000

// group is the fields of one recipient in a delivery status notification, as it was
// written (RFC 3464, section 2.3). Texts in it are untrusted. What is missing is zero.
type group struct {
	Original   gateway.ForwardPath  // the address that the message was sent to; "" where none is given
	Final      gateway.ForwardPath  // the address that was tried in the end
	Action     string               // in lower case: failed, delayed, delivered, relayed, expanded, or what was written
	Status     gateway.EnhancedCode // as given in the Status field
	RemoteMTA  string               // without its type
	Diagnostic string               // without its type

	actual   gateway.ForwardPath // what an alias led to, as Sendmail tells it
	category string              // of PowerMTA, in lower case; "" for none
}

// report is what the delivery status notifications in a message say: each part that
// is message/delivery-status or, of RFC 6533, message/global-delivery-status. Order,
// case and missing fields do not matter.
func (m message) report() (groups []group) {
	for _, p := range m.parts {
		if p.isReport() {
			groups = appendGroups(groups, p.readable())
		}
	}
	return groups
}

// isReport says whether a part is a delivery status notification by its type, some
// of which are older than RFC 3464, or by how it begins where it has none.
func (p part) isReport() bool {
	const start = "reporting-mta:"
	body := strings.TrimLeft(p.body, "\n")
	return strings.HasSuffix(p.kind, "delivery-status") ||
		(p.kind == "" || p.kind == "text/plain") && strings.EqualFold(body[:min(len(body), len(start))], start)
}

// appendGroups adds the groups of one part, RecipientsMax at most in all. A group is
// a recipient's if it has a field that only a recipient has: some MTAs leave the empty
// lines out.
func appendGroups(groups []group, text string) []group {
	var one group
	open, final := false, false
	flush := func() {
		if open && len(groups) < RecipientsMax {
			groups = append(groups, one)
		}
		one, open, final = group{}, false, false
	}
	// Before the first field of a recipient, one is empty and not open: fields of
	// the message alone never make a recipient.
	for field := range fieldsOf(text) {
		name := strings.ToLower(field.Name())
		switch {
		case name == "":
			flush()
			continue
		case name == "final-recipient":
			if final {
				flush()
			}
			final = true
		}
		open = one.take(name, field.Value()) || open
	}
	flush()
	return groups
}

// take stores a field of a recipient, and says whether it is one that makes
// its group a recipient's. Remote-MTA and Diagnostic-Code alone do not: some
// MTAs put them beside Reporting-MTA. A field that comes twice counts as it
// stands last.
func (one *group) take(name, value string) bool {
	switch name {
	case "original-recipient":
		one.Original = addressOf(value)
	case "final-recipient":
		one.Final = addressOf(value)
	case "action":
		one.Action = gateway.Printable(strings.ToLower(firstWord(value)))
	case "status":
		one.Status, _ = gateway.ParseEnhancedCode(firstWord(value))
	case "remote-mta":
		one.RemoteMTA = untyped(value)
		return false
	case "diagnostic-code":
		one.Diagnostic = untyped(value)
		return false
	case "x-actual-recipient":
		one.actual = addressOf(value)
		return false
	case "x-powermta-bouncecategory":
		one.category = strings.ToLower(firstWord(value))
		return false
	default:
		return false
	}
	return true
}

// fieldsOf yields the fields of text, and a Field without a name for each line
// that is none, such as an empty one.
func fieldsOf(text string) iter.Seq[gateway.Field] {
	return func(yield func(gateway.Field) bool) {
		start, end, open := 0, 0, false // open: what begins at start is a field
		for line := range strings.Lines(text) {
			folded := line[0] == ' ' || line[0] == '\t'
			if end > start && !(folded && open) {
				if !yield(gateway.Field(text[start:end])) {
					return
				}
				start = end
			}
			if start == end {
				open = isField(line)
			}
			end += len(line)
		}
		if end > start {
			yield(gateway.Field(text[start:end]))
		}
	}
}

// untyped is a value behind its type, printable: "dns; mx.example.net" becomes
// "mx.example.net". Where what stands in front of the semicolon has a space, it
// is no type but part of the text.
func untyped(value string) string {
	kind, text, ok := strings.Cut(value, ";")
	if !ok || strings.ContainsAny(strings.TrimSpace(kind), " \t") {
		text = value
	}
	return gateway.Printable(strings.TrimSpace(text))
}

// firstWord is s up to its first space: comments follow statuses, and notes
// follow addresses.
func firstWord(s string) string {
	word, _, _ := strings.Cut(strings.TrimSpace(s), " ")
	return word
}

// addressOf reads the value of a recipient field: a type, a semicolon, an
// address. The type may be missing and the address in angle brackets. "" where
// there is no valid address, as in "X-Unix; |/usr/bin/script".
func addressOf(value string) gateway.ForwardPath {
	kind, text, ok := strings.Cut(value, ";")
	if !ok {
		kind, text = "", value
	}
	text = strings.Trim(strings.TrimSpace(text), "'")
	if inner, found := strings.CutPrefix(text, "<"); found {
		text, _, _ = strings.Cut(inner, ">")
	}
	if strings.EqualFold(strings.TrimSpace(kind), "utf-8") {
		text = decodeUTF8Address(text)
	}
	path, err := pathOf(text)
	if err != nil {
		path, _ = pathOf(firstWord(text))
	}
	return path
}

// decodeUTF8Address undoes utf-8-addr-xtext (RFC 6533, section 3): "\x{", a
// code point in hexadecimal digits, "}". Anything else stays.
func decodeUTF8Address(s string) string {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(s, `\x{`)
		b.WriteString(before)
		if !found {
			return b.String()
		}
		digits, after, closed := strings.Cut(rest, "}")
		c, err := strconv.ParseUint(digits, 16, 32)
		if !closed || err != nil || c > utf8.MaxRune {
			return s
		}
		b.WriteRune(rune(c))
		s = after
	}
}

// reported finds the recipients that a report in m calls failed or delayed; ok
// says that there is one. Successes are left out. What a report does not say of them,
// the text beside it may.
func reported(m message) (found []Recipient, ok bool) {
	groups := m.report()
	if !slices.ContainsFunc(groups, group.tells) {
		return nil, false
	}
	text, _ := m.notice()
	return m.recipients(groups, text), true
}

// tells says whether a report has what became of a recipient.
func (one group) tells() bool {
	return one.Action != "" || one.Status[0] != 0 || replyIn(one.Diagnostic)[0] != 0
}

// passedOn finds the recipients of a report that came to a mail system, which
// sends it on in a notice that names nobody, as scanners for viruses do.
func passedOn(m message) []Recipient {
	if !isSystemAuthor(m.header.Get("From")) {
		return nil
	}
	text, _ := m.notice()
	inner := walk(m.returned())
	if !isSystemAuthor(inner.header.Get("From")) || !inner.isReport() || len(m.reasons(text)) > 0 {
		return nil
	}
	found, _ := reported(inner)
	return found
}

// recipients are those of a report beside which text stands.
func (m message) recipients(groups []group, text string) (found []Recipient) {
	reasons := m.reasons(text)
	for _, one := range groups {
		action, ok := one.action()
		if !ok {
			continue
		}
		said := reasonFor(reasons, one)
		if one.Final == "" && one.Original == "" && len(groups) == 1 {
			one.Final = m.onlyFailed(reasons)
		}
		found = append(found, one.recipient(action, said, context(text, len(groups))))
	}
	// Some mail systems put an Action among the fields of the message.
	isNamed := func(r Recipient) bool { return r.Address != "" }
	if slices.ContainsFunc(found, isNamed) {
		found = slices.DeleteFunc(found, func(r Recipient) bool { return !isNamed(r) })
	}
	if len(found) == 1 {
		found[0] = found[0].under(preface(text, reasons))
	}
	return found
}

// onlyFailed is the address that is named beside a report, "" for none or more
// than one.
func (m message) onlyFailed(reasons []reason) gateway.ForwardPath {
	named := failedRecipients(m.header)
	if len(named) == 0 {
		for _, r := range reasons {
			named = append(named, r.address)
		}
	}
	if len(named) == 0 {
		return ""
	}
	for _, path := range named {
		if path.Key() != named[0].Key() {
			return ""
		}
	}
	return named[0]
}

// reasonFor is what the text beside a report says of one of its recipients.
func reasonFor(reasons []reason, one group) string {
	for _, r := range reasons {
		if r.address.Key() == one.Final.Key() || r.address.Key() == one.Original.Key() {
			return r.text
		}
	}
	return ""
}

// action is false for success. "expired" and "error" are what some MTAs write
// for failed. Without an Action that is known, the class of the Status speaks, or
// of the reply.
func (one group) action() (Action, bool) {
	switch word := one.Action; {
	case strings.HasPrefix(word, "fail"), strings.HasPrefix(word, "error"), strings.HasPrefix(word, "expired"):
		return Failed, true
	case strings.HasPrefix(word, "delayed"):
		return Delayed, true
	case strings.HasPrefix(word, "deliver"), strings.HasPrefix(word, "relayed"), strings.HasPrefix(word, "expanded"):
		return "", false
	}
	switch gateway.Class(cmp.Or(one.Status[0], replyIn(one.Diagnostic)[0])) {
	case gateway.Permanent:
		return Failed, true
	case gateway.Transient:
		return Delayed, true
	}
	return "", false
}

// recipient names the address that failed, which a member may have had its
// mail forwarded to, and the one that the message was sent to beside it.
func (one group) recipient(action Action, said, context string) Recipient {
	address := cmp.Or(one.Final, one.Original, one.actual)
	if one.Original != "" && !strings.Contains(address.Domain(), ".") {
		address = one.Original // what is inside a host says nothing to others
	}
	original := one.Original
	if original == "" {
		original = ancestor(said)
	}
	diagnostic := one.Diagnostic
	if diagnostic == "" || one.Status[2] == 0 && enhancedIn(diagnostic)[2] == 0 && meaningsOf(diagnostic) == 0 {
		if classOf(one.Status) == Hard {
			said, _, _ = strings.Cut(said, "\n\n") // what stands further down may be a footer
		}
		diagnostic = strings.TrimSpace(gateway.Printable(strings.Join(strings.Fields(said), " ")) + " " + diagnostic)
	}
	status, class := classify(one.Status, diagnostic, phaseOf(said, one.Diagnostic, context, one.RemoteMTA, string(address)))
	category := categories[one.category]
	if untold := one.Status[2] == 0 && enhancedIn(diagnostic)[2] == 0; category[0] != 0 && (untold || class == Hard && classOf(category) != Hard) {
		status, class = category, classOf(category)
	}
	return Recipient{Address: address, Original: original, Action: action, Status: status, Class: class, Diagnostic: diagnostic}
}
