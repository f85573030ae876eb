package bounce

import (
	"math/bits"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/mmgw/mmgw/gateway"
)

// meanings are the families that a text has phrases of: a bit each, that of
// wordings[0] the lowest.
type meanings uint32

// meaningsOf looks for the families in text, whose case and line ends do not count.
func meaningsOf(text string) (found meanings) {
	words := wordsOf(text)
	text = boilerplate.Replace(strings.Join(words, " "))
	for i := 0; i+phraseBytesMin <= len(text); i++ {
		for _, one := range phrases[[phraseBytesMin]byte([]byte(text[i:i+phraseBytesMin]))] {
			if found&(1<<one.family) == 0 && strings.HasPrefix(text[i:], one.text) {
				found |= 1 << one.family
			}
		}
	}
	// A name between a thing and its state takes them apart: "domain b.example does not exist".
	text = strings.Join(slices.DeleteFunc(words, isName), " ")
	for i, f := range wordings {
		if f.near(text) {
			found |= 1 << i
		}
	}
	return found
}

// boilerplate is what Gmail says of every refusal, whatever the reason is.
var boilerplate = strings.NewReplacer("rejected by the recipient domain", "", "rejected by the server for the recipient domain", "")

// wordsOf is what text says in words: addresses say nothing, whatever they are made
// of, and remote hosts wrap their replies where they like, with the code in front of
// each line.
func wordsOf(text string) (words []string) {
	code := "" // of a reply of more than one line
	for word := range strings.FieldsSeq(plain(text)) {
		if at := strings.IndexByte(word, '@'); at >= 0 {
			word = word[:strings.LastIndexAny(word[:at], ":<(;,")+1]
		}
		if line := behindReply(word); line != word {
			code, word = word[:3], line
		}
		if word != "" && (code == "" || word != code && enhancedIn(word)[0] == 0) {
			words = append(words, word)
		}
	}
	return words
}

// isName says whether a word is the name of a host: letters with a dot between.
func isName(word string) bool {
	return strings.Contains(strings.Trim(word, ".,:;!?'\"()<>[]"), ".") && strings.ContainsFunc(word, unicode.IsLetter)
}

// nearBytes is how many octets before and behind a state its thing is looked for
// in, which take no more than "mailbox is " and the like.
const nearBytes = 12

// near says whether a thing of the family stands near one of its states.
func (f family) near(text string) bool {
	for _, state := range f.states {
		for at := strings.Index(text, state); at >= 0; {
			around := text[max(at-nearBytes, 0):min(at+len(state)+nearBytes, len(text))]
			if anyOf(f.things, func(s string) bool { return strings.Contains(around, s) }) {
				return true
			}
			next := strings.Index(text[at+len(state):], state)
			if next < 0 {
				break
			}
			at += len(state) + next
		}
	}
	return false
}

// signs are written in more than one way: "BAD_RECIPIENT".
var signs = strings.NewReplacer("\u2019", "'", "_", " ")

// plain is text in lower case with one kind of apostrophe and of space.
func plain(text string) string {
	if !utf8.ValidString(text) {
		text = strings.ReplaceAll(text, "\x92", "'") // in the charset of Windows
	}
	return signs.Replace(strings.ToLower(text))
}

// decided is the status of the first family; zero where none fits.
func (m meanings) decided() gateway.EnhancedCode {
	if m == 0 {
		return gateway.EnhancedCode{}
	}
	return wordings[bits.TrailingZeros32(uint32(m))].status
}

// has says whether one of the families has that status.
func (m meanings) has(status gateway.EnhancedCode) bool {
	for i, family := range wordings {
		if m&(1<<i) != 0 && family.status == status {
			return true
		}
	}
	return false
}

// ruled says whether one of the families is of a rule.
func (m meanings) ruled() bool {
	for i, family := range wordings {
		if m&(1<<i) != 0 && family.status[1] == 7 {
			return true
		}
	}
	return false
}

// wordingOf is what the wording of text decides.
func wordingOf(text string) gateway.EnhancedCode { return meaningsOf(text).decided() }

// statuses of families that are told apart from others.
var (
	noSuchUser = gateway.EnhancedCode{5, 1, 1}
	noSuchHost = gateway.EnhancedCode{5, 1, 2}
	badSender  = gateway.EnhancedCode{5, 1, 8}
	localFault = gateway.EnhancedCode{5, 3, 0}
	looping    = gateway.EnhancedCode{4, 4, 6}
	overQuota  = gateway.EnhancedCode{5, 2, 2}
	denied     = gateway.EnhancedCode{5, 7, 0} // which says nothing of why
	tooLarge   = gateway.EnhancedCode{5, 3, 4}
)

// phraseBytesMin is the length of the shortest phrase, and of what phrases are
// found by.
const phraseBytesMin = 3

// phrase is one of a family, which is the index in wordings.
type phrase struct {
	text   string
	family int
}

// phrases are those of all families by how they begin: a text is looked through
// once, however many there are.
var phrases = phrasesOf(wordings)

func phrasesOf(families []family) map[[phraseBytesMin]byte][]phrase {
	all := map[[phraseBytesMin]byte][]phrase{}
	for i, family := range families {
		for _, text := range family.phrases {
			start := [phraseBytesMin]byte([]byte(text))
			all[start] = append(all[start], phrase{text, i})
		}
	}
	return all
}

// ownWords are what MTAs say of addresses that they look up in tables of their own,
// where no filter that means something else says so.
var ownWords = []string{
	"unrouteable address", "unroutable address", // Exim
	"unknown user:", "(000c05a6)", "(user not found)", "no user by that name", // IMail, Exchange, GroupWise, MDaemon
}

// heardWords are how SMTP servers put it in their replies, which others repeat
// without the code, or what a system says that is not sure itself.
var heardWords = []string{
	"user unknown", "unknown user", "recipient unknown", "unknown recipient", "mailbox unknown", "unknown mailbox", "address unknown",
	"unknown address", "user not exist", "user does not exist", "recipient does not exist", "mailbox does not exist", "address does not exist",
	"user not found", "recipient not found", "mailbox not found", "no such user", "no such recipient", "no such mailbox", "no such address",
	"no such person", "invalid user", "invalid recipient", "invalid mailbox", "invalid address", "not a valid", "mailbox unavailable", "local part", "local-part",
	"address rejected", "recipient rejected", "'t have a", "you tried to", "may not exist",
}

// isOwn says whether the system that writes speaks of an address that it knows
// best. Words without an SMTP reply code are its own, but for heardWords.
func isOwn(text string, at phase) bool {
	flat := strings.Join(wordsOf(text), " ")
	in := func(s string) bool { return strings.Contains(flat, s) }
	return anyOf(ownWords, in) || at == unknownPhase && replyIn(text)[0] == 0 && !anyOf(heardWords, in)
}

// phase is what of a transaction a reply was to.
type phase int

const (
	unknownPhase phase = iota
	atRecipient        // RCPT: the host speaks of the address
	atContent          // DATA and behind it: the host had taken the recipient
)

// phrases by which MTAs tell the phase, in lower case.
var (
	contentPhrases = []string{
		"end of data", "to data", "data command", "final data", "[data]", "[end_of_data]", "text command", "smtp command data", "for data", "smtp:data", "data end",
		"after i sent the message", "after data", "during data", "end-of-data", "body of message", ">>> data", "command\ndata", "(state 15)", "(state 16)", "(state 17)", "(state 18)", "(state 13)", "dot command", "error message: data",
	}
	recipientPhrases = []string{"rcpt", "does not like recipient", "recipient refused", "recipients refused", "recipient was rejected", "recipients were rejected", "(state 14)", "rejected recipient"}
)

// frankHosts are names and words of providers that say "no such user" of addresses
// alone, some of them behind the content.
var frankHosts = []string{
	"yahoodns.net", "mail.qq.com", "mx3.qq.com", "hotmail.com", "outlook.com", "cox.net", "mimecast.", "messagelabs.com", "secureserver.net",
	"laposte.net", "orange.fr", "wanadoo.fr", "mailbox unavailable (",
	"ezweb.ne.jp>: user unknown", "au.com>: user unknown", "icloud.com>: user does not exist",
}

// isFrank says whether one of texts names one of frankHosts.
func isFrank(texts ...string) bool {
	return anyOf(texts, func(text string) bool {
		text = strings.ToLower(text)
		return anyOf(frankHosts, func(s string) bool { return strings.Contains(text, s) })
	})
}

// phaseOf looks for the phase in texts, the first of which that tells it counts.
func phaseOf(texts ...string) phase {
	if isFrank(texts...) {
		return atRecipient
	}
	for _, text := range texts {
		text = strings.ToLower(text)
		joined := strings.Join(strings.Fields(text), " ")
		is := func(phrase string) bool { return strings.Contains(joined, phrase) || strings.Contains(text, phrase) }
		switch {
		case anyOf(contentPhrases, is):
			return atContent
		case anyOf(recipientPhrases, is):
			return atRecipient
		}
	}
	return unknownPhase
}
