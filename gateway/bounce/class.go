package bounce

import (
	"strings"

	"github.com/mmgw/mmgw/gateway"
)

// Classify says what a refusal means for the mailbox. Where the status is
// missing, or its detail says no more than "other" (RFC 3463, section 3), the
// text that came with it decides: a status in it, the wording, or an SMTP
// reply code. The status that counted is returned, zero where nothing told.
//
// It is for the replies of an SMTP transaction.
func Classify(status gateway.EnhancedCode, text string) (gateway.EnhancedCode, Class) {
	at := phaseOf(text)
	if at == unknownPhase {
		at = atRecipient
	}
	if classOf(status) == Policy {
		text = status.String() + " " + text // the host's own word
	}
	return classify(status, text, at)
}

// classify is Classify where the phase is known, or that it is not. Only what
// says that there is no such address is Hard. Where the host had taken the
// recipient and refused behind the content, or nobody knows, "no such user" is as often a
// filter's answer: then it takes the status of RFC 3463 as well, or words of the
// system's own. What may pass is Hard in the words alone.
func classify(status gateway.EnhancedCode, text string, at phase) (gateway.EnhancedCode, Class) {
	explicit, said := enhancedIn(text), meaningsOf(text)
	worded := said.decided()
	told := explicit[1] == 1 || status[1] == 1
	transient := (explicit[0] == 4 || explicit[0] == 0 && status[0] == 4) && worded != noSuchHost && !(worded == noSuchUser && at == atRecipient)
	filtered := worded == noSuchUser && at != atRecipient && !told && !isOwn(text, at)

	status = detailed(status, explicit, worded, text)
	if said.belie(status, explicit, at) {
		status = worded
	}
	class := classOf(status)
	if class == Hard && (transient || filtered) {
		class = Soft
	}
	return status, class
}

// detailed is the status that says most. One with a detail in the text is the word of
// the host that refused, unless it is of the command alone; the status of the report
// comes next, and one without a detail is often made up.
func detailed(status, explicit, worded gateway.EnhancedCode, text string) gateway.EnhancedCode {
	switch {
	case explicit[1] == 7, explicit[2] != 0 && (explicit[1] != 5 || status[2] == 0):
		return explicit
	case status[2] != 0:
		return status
	case strings.Contains(text, "(state 14)") && (worded == denied || worded == gateway.EnhancedCode{}):
		return noSuchUser // Gmail's word for RCPT
	case worded != (gateway.EnhancedCode{}):
		return worded
	case explicit[0] != 0 && status[1] != 1:
		return explicit
	}
	if reply := replyIn(text); status[0] == 0 || reply[2] != 0 {
		return reply
	}
	return status
}

// belie says whether the wording of a refusal is better believed than its
// status: hosts write "no such user" where they mean the sender or the rate,
// and the other way round. explicit is what the host itself has for it: where that
// is a rule, it never counts as a dead mailbox, but for a 5.7.1 on "no such user" and no
// word of a rule. A 5.7 that the MTA that reports made up is none of the host's.
func (m meanings) belie(status, explicit gateway.EnhancedCode, at phase) bool {
	worded, gone := m.decided(), m.decided() == noSuchUser || m.decided() == noSuchHost
	switch classOf(status) {
	case Hard:
		return worded[1] == 2 || worded == localFault || worded == tooLarge || worded == looping ||
			(worded[1] == 7 && worded != denied || worded == badSender) && !m.has(noSuchUser)
	case Policy:
		if classOf(explicit) == Policy && gone {
			return worded == noSuchUser && explicit[1] == 7 && explicit[2] <= 1 && at == atRecipient && !m.ruled()
		}
		return gone || explicit[1] != 7 && worded == overQuota
	case Full:
		return explicit[2] == 0 && worded == noSuchUser // who reports has made it of a 552
	case Soft:
		return status[0] == 5 && gone && (at == atRecipient || worded == noSuchHost)
	}
	return false
}

// classOf follows RFC 3463 and the registry of RFC 5248. What was said about
// the message, its sender or a rule says nothing about the mailbox, and trouble
// on the way may pass.
func classOf(status gateway.EnhancedCode) Class {
	class, subject, detail := gateway.Class(status[0]), status[1], status[2]
	switch {
	case subject == 2 && detail == 2:
		return Full
	case class == gateway.Permanent && isPolicy(subject, detail):
		return Policy
	case class == gateway.Permanent && isGone(subject, detail):
		return Hard
	case class == gateway.Transient && subject == 1 && (detail == 1 || detail == 2):
		return Hard // where the words have it as well: see classify
	}
	return Soft
}

// isGone says whether a permanent status speaks of an address that does not work.
func isGone(subject, detail int) bool {
	switch subject {
	case 1:
		return detail != 4 && detail != 5 && detail != 9 // more than one address, one that is valid, a way out of the mail
	case 3, 4:
		return subject == 3 && detail == 2 || subject == 4 && detail == 4 // a host that takes no mail at all (RFC 7504), no route
	}
	return subject == 7 && isPassedOn(detail)
}

// isPassedOn says whether 5.7 has that detail for a mailbox or a domain that has
// become somebody else's (RFC 7293).
func isPassedOn(detail int) bool { return detail == 17 || detail == 18 }

// isPolicy says whether a permanent status speaks of the reverse-path, of the
// message, or of a rule, and so not of the mailbox.
func isPolicy(subject, detail int) bool {
	switch subject {
	case 1:
		return detail == 7 || detail == 8 || detail == 20 || detail == 90 // the reverse-path; the last two are Exchange's
	case 2, 3:
		return subject == 2 && detail == 3 || subject == 3 && detail == 4 // the size
	}
	return subject == 6 || subject == 7 && !isPassedOn(detail) // the form of the content, a rule
}

// categories are what senders of mail in bulk that sort bounces themselves call
// them: PowerMTA in a field of its reports, Amazon SES in its notifications.
// "general" and the like say nothing.
var categories = map[string]gateway.EnhancedCode{
	"bad-mailbox": {5, 1, 1}, "bad-domain": {5, 1, 2}, "inactive-mailbox": {5, 2, 1}, "quota-issues": {5, 2, 2},
	"invalid-sender": {5, 1, 8}, "relaying-issues": {5, 7, 1}, "spam-related": {5, 7, 1}, "spam-block": {5, 7, 1},
	"virus-related": {5, 7, 1}, "policy-related": {5, 7, 1}, "content-related": {5, 6, 0}, "message-expired": {4, 4, 7},
	"no-answer-from-host": {4, 4, 1}, "bad-connection": {4, 4, 2}, "routing-errors": {4, 4, 6}, "bad-configuration": {5, 3, 5},

	"noemail": {5, 1, 1}, "suppressed": {5, 7, 1}, "onaccountsuppressionlist": {5, 7, 1}, "mailboxfull": {5, 2, 2},
	"messagetoolarge": {5, 3, 4}, "contentrejected": {5, 6, 0}, "attachmentrejected": {5, 6, 0},
}

// enhancedIn finds the first status code in text that has a detail, else the
// first at all. Addresses and versions of more than three numbers are none.
func enhancedIn(text string) (found gateway.EnhancedCode) {
	for word := range strings.FieldsFuncSeq(text, func(c rune) bool { return c != '.' && (c < '0' || c > '9') }) {
		word = strings.TrimSuffix(word, ".")
		if len(word) < len("5.0.0") || word[0] != '4' && word[0] != '5' || word[1] != '.' || word[3] != '.' {
			continue
		}
		code, err := gateway.ParseEnhancedCode(word)
		if err != nil || code[1] > 7 {
			continue
		}
		if code[2] != 0 {
			return code
		}
		if found[0] == 0 {
			found = code
		}
	}
	return found
}

// replyIn makes a status of the first SMTP reply code in text.
func replyIn(text string) gateway.EnhancedCode {
	for word := range strings.FieldsFuncSeq(text, func(c rune) bool { return c != '.' && (c < '0' || c > '9') }) {
		if len(word) != 3 || word[0] != '4' && word[0] != '5' || word[1] > '5' {
			continue
		}
		// 552 is "exceeded storage allocation" in RFC 5321, section 4.2.3, and 452 its
		// transient twin; 521 and 556 are of a host and of a domain that take no mail
		// (RFC 7504). All other codes leave open what was refused.
		switch word {
		case "521":
			return gateway.EnhancedCode{5, 3, 2}
		case "556":
			return gateway.EnhancedCode{5, 1, 10}
		case "552", "452":
			return gateway.EnhancedCode{int(word[0] - '0'), 2, 2}
		}
		return gateway.EnhancedCode{int(word[0] - '0'), 0, 0}
	}
	return gateway.EnhancedCode{}
}
