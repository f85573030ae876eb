package bounce

import (
	"cmp"
	"strings"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/internal/charset"
)

// notice recognises what a mail system writes for people in no form of its own:
// who writes or what the subject says, a statement that something failed, and
// the addresses that it is about. What stands behind the mark of the returned
// message is that message, and counts only where the notice names nobody.
func notice(m message) []Recipient {
	text, returned := m.notice()
	if text == "" || isForwarded(m.header) || m.isBroken() || !m.isNotice(text) {
		return nil
	}
	if found := m.recipients(reportIn(text), text); len(found) > 0 {
		return found
	}
	action := Failed
	if isDelay(m.subject() + "\n" + text) {
		action = Delayed
	}
	reasons := m.reasons(text)
	if len(reasons) == 0 {
		if path := cmp.Or(m.returnedTo(returned), m.addressee(text)); path != "" || m.isSure(text) {
			reasons = []reason{{address: path, text: text[:min(len(text), reasonBytesMax)]}}
		}
	}
	var found []Recipient
	all := context(text, len(reasons))
	for _, one := range reasons {
		if head, _, _ := strings.Cut(one.text, "\n\n"); meaningsOf(head) != 0 || enhancedIn(head)[2] != 0 {
			one.text = head
		}
		r := failed(one.address, one.text, commandBefore(text, one.text, all))
		if len(reasons) == 1 && r.Class == Soft {
			r = failed(one.address, all, "")
		}
		r.Action = action
		found = append(found, r)
	}
	if len(found) == 1 {
		found[0] = found[0].under(preface(text, reasons))
	}
	return found
}

// context is what a notice of n recipients says of each of them: nothing but what stands
// beside it, where there are more.
func context(text string, n int) string {
	if n > 1 {
		return ""
	}
	return text[:min(len(text), reasonBytesMax)]
}

// commandBefore is the line of a transcript with the command that a reply in it
// answers; whole where text is none.
func commandBefore(text, reply, whole string) string {
	before, _, found := strings.Cut(text, reply)
	at := strings.LastIndex(before, "\n>>> ")
	if !found || at < 0 {
		return whole
	}
	line, _, _ := strings.Cut(before[at+1:], "\n")
	return line
}

// reportIn reads the fields of RFC 3464 that stand in a text, as in a report that
// has lost its Content-Type.
func reportIn(text string) []group {
	if strings.Contains(strings.ToLower(text), "\nfinal-recipient:") {
		return appendGroups(nil, text)
	}
	return nil
}

// preface is what a notice says in front of its first address; all of it if it
// names none.
func preface(text string, reasons []reason) string {
	text = text[:min(len(text), reasonBytesMax)]
	if len(reasons) == 0 {
		return text
	}
	text, _, found := strings.Cut(text, string(reasons[0].address))
	if !found {
		return ""
	}
	return text
}

// under is r as the sentence in front of it has it: a filter or a mobile network
// that says "user unknown" of a full or suspended mailbox tells people the truth.
func (r Recipient) under(preface string) Recipient {
	if r.Class != Hard {
		return r
	}
	said := meaningsOf(preface)
	if worded := said.decided(); worded[1] == 2 && !said.has(noSuchUser) { // no list of what may be
		r.Status, r.Class = worded, classOf(worded)
	}
	return r
}

func (m message) subject() string {
	subject := m.header.Get("Subject")
	return strings.ToLower(charset.Words(subject[:min(len(subject), fromBytesMax)]))
}

// isForwarded says whether a person passes something on.
func isForwarded(h gateway.Header) bool {
	subject := strings.ToLower(strings.TrimSpace(h.Get("Subject")))
	return strings.HasPrefix(subject, "fwd:") || strings.HasPrefix(subject, "fw:") || h.Find("In-Reply-To", 0) >= 0 && h.Find("X-Mailer", 0) >= 0
}

// isBroken says whether a message calls itself a multipart and does not say how
// its parts are told apart: what would be found in it is a guess.
func (m message) isBroken() bool {
	kind, boundary := mediaType(m.header.Get("Content-Type"))
	return strings.HasPrefix(kind, "multipart/") && boundary == ""
}

// isNotice says whether a mail system writes that mail failed. Where only the
// subject speaks for that, there has to be a word of mail besides: parcels are not
// delivered either.
func (m message) isNotice(text string) bool {
	lower, subject := strings.Join(strings.Fields(plain(text)), " "), m.subject()
	stated := anyOf(statements, func(s string) bool { return strings.Contains(lower, s) })
	entitled := anyOf(failureSubjects, func(s string) bool { return strings.Contains(subject, s) })
	worded := wordingOf(text) != (gateway.EnhancedCode{})
	if isSystemAuthor(m.header.Get("From")) || m.isReport() {
		return stated || (entitled || strings.Contains(lower, "rcpt to") || replyIn(text)[0] != 0) && worded
	}
	ofMail := worded || m.returned() != "" || replyIn(text)[0] != 0 || anyOf(openers, func(s string) bool { return strings.Contains(lower, s) })
	return stated && (entitled && ofMail && m.isUnanswerable() || strings.Contains(lower, "not be delivered to: <") && m.returned() != "")
}

// isSure says whether a notice that names nobody is one beyond doubt: who knows whose
// reverse-path it came to knows the rest.
func (m message) isSure(text string) bool {
	subject := m.subject()
	entitled := anyOf(failureSubjects, func(s string) bool { return strings.Contains(subject, s) })
	return entitled && (m.returned() != "" || isSystemAuthor(m.header.Get("From")) && meaningsOf(text) != 0)
}

// isReport says whether a message calls itself a report of RFC 3464, whatever it has
// in it.
func (m message) isReport() bool {
	kind, rest, _ := strings.Cut(strings.ToLower(m.header.Get("Content-Type")), ";")
	return strings.TrimSpace(kind) == "multipart/report" && parameterOf(rest, "report-type") == "delivery-status"
}

// isUnanswerable says whether a message asks for no answer, as notices do, or has one in
// it as it came over the wire.
func (m message) isUnanswerable() bool {
	_, returned := m.notice()
	from := strings.ToLower(m.header.Get("From"))
	return strings.Trim(m.header.Get("Return-Path"), " \t") == "<>" || m.header.Find("Auto-Submitted", 0) >= 0 ||
		strings.Contains(from, "reply") || strings.Contains(from, "daemon") || strings.Contains(from, "admin") || m.returned() != "" ||
		headerOf(returned).Find("Received", 0) >= 0
}

func isSystemAuthor(from string) bool {
	if from = from[:min(len(from), fromBytesMax)]; strings.TrimSpace(from) == "<>" {
		return true
	}
	letters := strings.Map(func(c rune) rune {
		if 'a' <= c && c <= 'z' || c == '@' {
			return c
		}
		return -1
	}, strings.ToLower(from))
	return anyOf(systemAuthors, func(s string) bool { return strings.Contains(letters, s) })
}

func isDelay(text string) bool {
	text = strings.Join(strings.Fields(plain(text)), " ")
	return anyOf(delays, func(s string) bool { return strings.Contains(text, s) })
}

// isReturnMark says whether what follows a line is the returned message, or a footer.
func isReturnMark(line string) bool {
	if line == "-- \n" || strings.HasPrefix(strings.TrimLeft(line, " "), "____________________") {
		return true
	}
	line = strings.ToLower(strings.TrimLeft(line, " \t-=*|>"))
	return line != "" && anyOf(returnMarks, func(mark string) bool { return strings.HasPrefix(line, mark) })
}

// notice is the text for people up to the returned message, and that message as
// far as it stands in the text or in a part of its own.
func (m message) notice() (text, returned string) {
	text = m.text()
	at := 0
	for line := range strings.Lines(text) {
		if at > 0 && isReturnMark(line) {
			return text[:at], text[at:]
		}
		at += len(line)
	}
	return text, m.returned()
}

// returned is the part with the message that came back, or its header.
func (m message) returned() string {
	for _, p := range m.parts {
		switch p.kind {
		case "message/rfc822", "message/global", "text/rfc822-headers", "message/global-headers", "message/partial":
			return p.body
		}
	}
	return ""
}

// returnedTo is the only addressee of a message that came back, "" where there
// is none or more: a message goes to others than it names, above all a post. Nor
// does it come back from its author, and a notice in a notice tells nothing.
func (m message) returnedTo(returned string) gateway.ForwardPath {
	header := headerOf(returned)
	if isSystemAuthor(header.Get("From")) {
		return ""
	}
	to := ""
	for _, field := range header {
		if to == "" && anyOf([]string{"X-Envelope-To", "Envelope-To", "X-Failed-Recipients", "To"}, field.Is) {
			to = field.Value()
		}
	}
	if all, err := charset.Addresses(to[:min(len(to), fromBytesMax)]); err == nil && len(all) == 1 {
		to = all[0].Address
	}
	path := bareAddress(strings.TrimSpace(to))
	if m.own()[path.Key()] || strings.Contains(header.Get("List-Post")+header.Get("X-BeenThere"), string(path)) {
		return ""
	}
	return path
}

// headerOf is the header of a message that came back, behind what a notice has in
// front of it.
func headerOf(returned string) (header gateway.Header) {
	for field := range fieldsOf(returned[:min(len(returned), PartBytesMax)]) {
		switch {
		case field.Name() != "" && len(header) < gateway.HeaderFieldsMax:
			header = append(header, field)
		case len(header) > 0 && strings.TrimSpace(string(field)) == "":
			return header
		}
	}
	return header
}

// addressee is whom the message went to that a notice tells no more of than its
// fields, "" where it does not.
func (m message) addressee(text string) gateway.ForwardPath {
	own := m.own()
	for line := range strings.Lines(text) {
		if label, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok && strings.EqualFold(label, "to") {
			if path := addressAt(strings.TrimSpace(value)); path != "" && !own[path.Key()] {
				return path
			}
		}
	}
	return ""
}

// reasons are what a notice says about each address, behind the line that opens
// their list if there is one.
func (m message) reasons(text string) []reason {
	at := 0
	for line := range strings.Lines(text) {
		lower := strings.ToLower(line)
		if anyOf(openers, func(s string) bool { return strings.Contains(lower, s) }) {
			if found := m.reasonsBehind(text[at:]); len(found) > 0 {
				return found
			}
			break
		}
		at += len(line)
	}
	return m.reasonsBehind(text)
}

func (m message) reasonsBehind(text string) []reason {
	own := m.own()
	pick := func(in func(string) gateway.ForwardPath) func(string) gateway.ForwardPath {
		return func(line string) gateway.ForwardPath {
			if path := ofPerson(in(line)); !own[path.Key()] {
				return path
			}
			return ""
		}
	}
	for _, in := range []func(string) gateway.ForwardPath{pick(leading), pick(labelled), leading, pick(mentioned)} {
		if found := unique(reasonsIn(text, in)); len(found) > 0 {
			return found
		}
	}
	return nil
}

// own are the addresses that a notice has for other ends: who writes it, who
// gets it, and whose message came back.
func (m message) own() map[string]bool {
	values := []string{m.header.Get("From"), m.header.Get("To"), m.header.Get("Reply-To"), m.header.Get("Cc")}
	_, returned := m.notice()
	for _, field := range headerOf(returned) {
		if field.Is("From") || field.Is("Sender") || field.Is("Return-Path") {
			values = append(values, field.Value())
		}
	}
	own := map[string]bool{}
	for _, value := range values {
		all, err := charset.Addresses(value[:min(len(value), fromBytesMax)])
		if err != nil {
			own[addressOf(value).Key()] = true
		}
		for _, one := range all {
			path, _ := pathOf(one.Address)
			own[path.Key()] = true
		}
	}
	delete(own, "")
	return own
}

// cut leaves the line alone that is a reply about an address, as transcripts of
// Sendmail have it: the next lines are of others.
func (r reason) cut() reason {
	line, _, _ := strings.Cut(r.text, "\n")
	if strings.Contains(line, ">... ") && behindReply(line) != line {
		r.text = line
	}
	return r
}

// unique joins what is said of the same address in several places.
func unique(all []reason) []reason {
	index := map[gateway.ForwardPath]int{}
	var found []reason
	for _, one := range all {
		if i, seen := index[one.address]; seen {
			if joined := found[i].text + one.text; len(joined) <= reasonBytesMax {
				found[i].text = joined
			}
			continue
		}
		index[one.address] = len(found)
		found = append(found, one.cut())
	}
	return found
}
