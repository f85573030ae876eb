package bounce

import (
	"strings"

	"github.com/mmgw/mmgw/gateway"
)

// reasonBytesMax is how much of what is said about one address is read. Long
// dialogues name their status within some lines. It also bounds what the
// wordings are looked for in, recipient by recipient.
const reasonBytesMax = 2 << 10

// exim finds the addresses that Exim names in X-Failed-Recipients. What its
// text says behind a line with one of them is the reason.
func exim(m message) []Recipient {
	var found []Recipient
	index := map[string]int{}
	for _, path := range failedRecipients(m.header) {
		index[path.Key()] = len(found)
		found = append(found, failed(path, "", ""))
	}
	if len(found) == 0 {
		return nil
	}
	text, returned := m.notice()
	all := m.reasons(text)
	if len(found) == 1 && len(all) == 0 {
		if to := m.returnedTo(returned); to != "" { // whom the author wrote to
			all = []reason{{address: to, text: text[:min(len(text), reasonBytesMax)]}}
		}
	}
	if len(found) == 1 && len(all) == 1 && all[0].address.Key() != found[0].Address.Key() && !m.own()[all[0].address.Key()] {
		// An alias on the way: the text has the address that failed.
		one := failed(all[0].address, all[0].text, text[:min(len(text), reasonBytesMax)])
		one.Original = found[0].Address
		return []Recipient{one}
	}
	for _, one := range reasonsIn(untilHyphens(m.text()), func(line string) gateway.ForwardPath {
		path := bareAddress(strings.TrimSuffix(strings.TrimSpace(line), ":"))
		if _, named := index[path.Key()]; !named {
			return ""
		}
		return path
	}) {
		if i := index[one.address.Key()]; found[i].Diagnostic == "" {
			found[i] = failed(found[i].Address, one.text, "")
		}
	}
	return found
}

// failedRecipients reads the X-Failed-Recipients fields: addresses between commas.
func failedRecipients(h gateway.Header) (paths []gateway.ForwardPath) {
	for _, field := range h {
		if !field.Is("X-Failed-Recipients") {
			continue
		}
		for text := range strings.SplitSeq(field.Value(), ",") {
			if path := bareAddress(strings.TrimSpace(text)); path != "" && len(paths) < RecipientsMax {
				paths = append(paths, path)
			}
		}
	}
	return paths
}

// bareAddress is text where it is an address and nothing else, with or without
// angle brackets; else "".
func bareAddress(text string) gateway.ForwardPath {
	if inner, ok := strings.CutPrefix(text, "<"); ok {
		text = strings.TrimSuffix(inner, ">")
	}
	path, _ := pathOf(text)
	return path
}

// qmailIntros are how the first paragraph of a QSBMF text begins: qmail's own
// words, and those of programs that took its form over.
var qmailIntros = []string{"Hi. This is ", "This is the mail delivery agent at", "We're sorry. "}

// qmail finds the recipient paragraphs of QSBMF: "<address>:" on a line of its
// own, and the reason in the lines up to an empty one.
func qmail(m message) []Recipient {
	// QSBMF has its intro at the very start, which keeps quoted bounces out.
	text := strings.TrimLeft(untilHyphens(m.text()), "\n ")
	if !anyOf(qmailIntros, func(intro string) bool { return strings.HasPrefix(text, intro) }) {
		return nil
	}
	var found []Recipient
	for _, one := range reasonsIn(text, func(line string) gateway.ForwardPath {
		inner, ok := strings.CutSuffix(strings.TrimRight(line, " "), ">:")
		if !ok || !strings.HasPrefix(inner, "<") {
			return ""
		}
		path, _ := pathOf(inner[1:])
		return path
	}) {
		found = append(found, failed(one.address, one.text, ""))
	}
	return found
}

// untilHyphens is text up to the line of hyphens that stands in front of the
// returned message.
func untilHyphens(text string) string {
	if strings.HasPrefix(text, "---") {
		return ""
	}
	text, _, _ = strings.Cut(text, "\n---")
	return text
}

// anyOf says whether holds is true of one of all.
func anyOf(all []string, holds func(string) bool) bool {
	for _, s := range all {
		if holds(s) {
			return true
		}
	}
	return false
}

// reason is what a text says about an address.
type reason struct {
	address gateway.ForwardPath
	text    string // at most reasonBytesMax
}

// reasonsIn cuts text at the lines in which addressIn finds an address; a reason
// begins with its line. One that comes again is part of its reason. At most
// RecipientsMax are found.
func reasonsIn(text string, addressIn func(line string) gateway.ForwardPath) []reason {
	var found []reason
	start, at := 0, 0
	finish := func() {
		if last := len(found) - 1; last >= 0 {
			found[last].text = text[start:min(at, start+reasonBytesMax)]
		}
	}
	for line := range strings.Lines(text) {
		address := addressIn(strings.TrimRight(line, "\n"))
		if last := len(found) - 1; address != "" && (last < 0 || found[last].address != address) {
			finish()
			if len(found) == RecipientsMax {
				return found
			}
			found = append(found, reason{address: address})
			start = at
		}
		at += len(line)
	}
	finish()
	return found
}

// failed is a recipient that was given up for a reason in words, which stands
// in a context of more.
func failed(address gateway.ForwardPath, text, context string) Recipient {
	at := phaseOf(text, context)
	// The words go into one line: the same text is classed, logged and shown.
	text = strings.Join(strings.Fields(text), " ")
	status, class := classify(gateway.EnhancedCode{}, text, at)
	return Recipient{Address: address, Original: ancestor(text), Action: Failed, Status: status, Class: class, Diagnostic: gateway.Printable(text)}
}
