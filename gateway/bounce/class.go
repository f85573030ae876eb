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
// It serves the replies of an SMTP transaction as well as reports.
func Classify(status gateway.EnhancedCode, text string) (gateway.EnhancedCode, Class) {
	// A status with a detail is the word of the host that refused, and stays. One
	// without is often made up by the MTA that reports.
	if status[2] == 0 {
		if better := statusOf(text); better != (gateway.EnhancedCode{}) && (better[2] != 0 || status[0] == 0) {
			status = better
		}
	}
	return status, classOf(status)
}

// classOf follows RFC 3463 and the registry of RFC 5248. What was said about
// the message or about its sender says nothing about the mailbox.
func classOf(status gateway.EnhancedCode) Class {
	class, subject, detail := gateway.Class(status[0]), status[1], status[2]
	switch {
	case subject == 2 && detail == 2:
		return Full
	case class == gateway.Permanent && isPolicy(subject, detail):
		return Policy
	case class == gateway.Permanent:
		return Hard
	}
	return Soft
}

// isPolicy says whether a permanent status speaks of the reverse-path, of the
// message, or of a rule, and so not of the mailbox. Statuses that are not listed
// are left to Hard.
func isPolicy(subject, detail int) bool {
	switch subject {
	case 1:
		return detail == 7 || detail == 8 // the reverse-path
	case 2, 3:
		return subject == 2 && detail == 3 || subject == 3 && detail == 4 // the size
	}
	return subject == 6 || subject == 7 // the form of the content, a rule
}

// statusOf finds the status in a text for people, zero for none: a status with
// a detail, else the wording, else a status without, else a reply code.
func statusOf(text string) gateway.EnhancedCode {
	explicit := enhancedIn(text)
	if explicit[2] != 0 {
		return explicit
	}
	if worded := wordingOf(text); worded != (gateway.EnhancedCode{}) {
		return worded
	}
	if explicit[0] != 0 {
		return explicit
	}
	return replyIn(text)
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
		// transient twin. All other codes leave open what was refused.
		switch word {
		case "552", "452":
			return gateway.EnhancedCode{int(word[0] - '0'), 2, 2}
		}
		return gateway.EnhancedCode{int(word[0] - '0'), 0, 0}
	}
	return gateway.EnhancedCode{}
}

// wordings are what hosts write where they give no status, in families; the
// first that fits decides. Their order goes from the narrow to the wide: what
// is said of the quota or of the reverse-path is said nowhere else, while a
// refusal of spam may stand beside any excuse, and a timeout is what is left
// when nothing better was given. Phrases are in lower case with single spaces.
var wordings = []struct {
	status  gateway.EnhancedCode
	phrases []string
}{
	{gateway.EnhancedCode{5, 2, 2}, []string{
		"mailbox is full", "mailbox full", "over quota", "overquota", "quota exceeded", "exceeded quota", "exceeds quota", "disk quota",
		"exceeded storage", "out of storage", "not enough space", "over the maximum allowed quota", "mailbox size limit",
	}},
	{gateway.EnhancedCode{5, 1, 8}, []string{
		"sender rejected", "sender address", "after mail from:", "sender denied", "mailfrom domain",
	}},
	{gateway.EnhancedCode{5, 7, 25}, []string{"reverse dns", "rdns", "ptr record", "after initial connection"}},
	{gateway.EnhancedCode{5, 1, 1}, []string{
		"user unknown", "unknown user", "no such user", "no mailbox here", "no such address", "no such mailbox", "no such recipient", "no such person",
		"does not exist", "doesn't exist", "unrouteable address", "unknown recipient", "recipient unknown", "unknown address", "address unknown",
		"unknown local", "invalid recipient", "invalid mailbox", "invalid address", "not a valid user", "user not found", "user not exist", "recipient not found",
		"doesn't have a", "no account", "not listed in", "mailbox unavailable", "mailbox not found",
	}},
	{gateway.EnhancedCode{5, 2, 1}, []string{
		"account disabled", "account is disabled", "account has been disabled", "mailbox disabled", "mailbox is disabled", "user disabled",
		"account inactive", "account is inactive", "mailbox is inactive", "user suspended", "account suspended", "account is suspended",
	}},
	{gateway.EnhancedCode{5, 1, 2}, []string{
		"host or domain name not found", "couldn't find any host", "host unknown", "unknown host", "host not found", "no such domain",
		"domain not found", "non-existent host", "unknown domain", "lowest numbered mx record points to local host",
	}},
	{gateway.EnhancedCode{5, 3, 4}, []string{
		"message too large", "message too big", "message size exceeds", "exceeds maximum message size", "too large for", "message exceeds",
	}},
	{gateway.EnhancedCode{5, 7, 1}, []string{
		"spam", "blacklist", "blocklist", "block list", "blocked", "dmarc", "spf", "policy", "relaying denied", "relay not permitted", "not permitted",
		"access denied", "permission denied", "reputation", "virus", "content rejected", "not authorized",
	}},
	{gateway.EnhancedCode{4, 4, 7}, []string{
		"retry timeout exceeded", "retry time not reached", "queue too long", "timed out", "timeout", "connection refused", "unable to connect",
		"wasn't able to establish", "could not connect", "delivery time expired", "could not be delivered for", "still being tried",
	}},
}

// wordingOf looks for the phrases in text, whose case and line ends do not count.
// Zero where no family fits.
func wordingOf(text string) gateway.EnhancedCode {
	// Remote hosts wrap their replies where they like.
	text = strings.ToLower(strings.Join(strings.Fields(text), " "))
	for _, family := range wordings {
		for _, phrase := range family.phrases {
			if strings.Contains(text, phrase) {
				return family.status
			}
		}
	}
	return gateway.EnhancedCode{}
}
