package bounce

import (
	"strings"

	"github.com/mmgw/mmgw/gateway"
)

// feedback finds whom an abuse report is about (RFC 5965, section 3.2; the
// authentication failures of RFC 6591 have the same form): whoever complained
// wants no more of this mail. ok says that m is such a report, whether or not it
// names anybody.
func feedback(m message) (found []Recipient, ok bool) {
	for _, p := range m.parts {
		if p.kind != "message/feedback-report" {
			continue
		}
		ok = true
		for field := range fieldsOf(p.readable()) {
			if !field.Is("Original-Rcpt-To") && !field.Is("Removal-Recipient") && !field.Is("X-HmXmrOriginalRecipient") {
				continue
			}
			if path := addressOf(field.Value()); path != "" && len(found) < RecipientsMax {
				found = append(found, complaint(path))
			}
		}
	}
	if ok && len(found) == 0 {
		if path := m.returnedTo(m.returned()); path != "" {
			found = append(found, complaint(path))
		}
	}
	return found, ok
}

func complaint(path gateway.ForwardPath) Recipient { return Recipient{Address: path, Class: Policy} }

// isAbuse says whether a feedback report is of a person who complains: other
// kinds tell of forged mail, of a virus, or of nothing.
func isAbuse(m message) bool {
	for _, p := range m.parts {
		if p.kind != "message/feedback-report" {
			continue
		}
		for field := range fieldsOf(p.readable()) {
			if field.Is("Feedback-Type") {
				kind := strings.ToLower(firstWord(field.Value()))
				return kind == "abuse" || kind == "opt-out" || kind == "fraud"
			}
		}
	}
	return false
}

// originalFrom is the reverse-path of the message that a feedback report is
// about: as it says, or as the message that it encloses does.
func (m message) originalFrom() gateway.ReversePath {
	for _, p := range m.parts {
		if p.kind != "message/feedback-report" {
			continue
		}
		for field := range fieldsOf(p.readable()) {
			if field.Is("Original-Mail-From") {
				return gateway.ReversePath(addressOf(field.Value()))
			}
		}
	}
	return gateway.ReversePath(addressOf(walk(m.returned()).header.Get("Return-Path")))
}
