package bounce

import (
	"strings"
	"unicode"

	"github.com/mmgw/mmgw/gateway"
)

// leading is the address that a line begins with, behind bullets, quotes,
// angle brackets and reply codes: "  * <anne@example.com>: unknown user".
func leading(line string) gateway.ForwardPath {
	s := strings.TrimLeft(line, " \t*>-\"'")
	s = behindReply(s)
	if strings.HasPrefix(strings.ToLower(s), "smtp:") {
		s = s[len("smtp:"):]
	}
	path := addressAt(s)
	// A display name may look like an address: the one in angle brackets counts.
	if at := strings.Index(s, " <"); path != "" && at == len(path) {
		if inner := addressAt(s[at+1:]); inner != "" {
			return inner
		}
	}
	return path
}

// behindReply is what follows an SMTP reply code and a status at the start of s.
func behindReply(s string) string {
	if len(s) < 4 || s[0] != '4' && s[0] != '5' || !isDigit(s[1]) || !isDigit(s[2]) || s[3] != ' ' && s[3] != '-' {
		return s
	}
	s = strings.TrimLeft(s[4:], " ")
	if word, rest, ok := strings.Cut(s, " "); ok && strings.Count(word, ".") == 2 && isDigit(word[0]) {
		return strings.TrimLeft(rest, " ")
	}
	return s
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// addressBytesMax is how far an address reaches in a line, with what stands around
// it. Lines can be as long as a text, and have an @ in every place.
const addressBytesMax = 2 * gateway.PathBytesMax

// addressAt is the address that s begins with, quoted, in angle brackets or
// bare; "" where there is none with a domain of two labels.
func addressAt(s string) gateway.ForwardPath {
	s = strings.TrimLeft(s, "\"'")
	s = s[:min(len(s), addressBytesMax)]
	rest := ""
	if inner, ok := strings.CutPrefix(s, "<"); ok {
		s, rest, _ = strings.Cut(inner, ">")
	} else if i := strings.IndexAny(s, " \t,;:<>\"'()[]{}|\n"); i >= 0 {
		s, rest = s[:i], s[i:]
	}
	if strings.HasPrefix(strings.TrimLeft(rest, " "), "様") {
		return "" // whom a notice greets
	}
	s = strings.TrimRight(strings.TrimPrefix(strings.TrimSpace(s), "mailto:"), ".:!?")
	if len(s) > len("smtp=") && strings.EqualFold(s[:len("smtp=")], "smtp=") {
		s = s[len("smtp="):] // an address of X.400 that stands for one of the Internet
	}
	if strings.IndexByte(s, '@') < 1 || s[0] == '/' || len(s) > gateway.PathBytesMax {
		return ""
	}
	path, err := pathOf(s)
	if err != nil || !strings.Contains(path.Domain(), ".") || strings.Contains(s, "//") {
		return ""
	}
	return path
}

// pathOf reads an address as mail systems write it: some mobile networks gave out local
// parts whose dots RFC 5321 wants quotes around, and write none.
func pathOf(s string) (gateway.ForwardPath, error) {
	path, err := gateway.ParseForwardPath(s)
	at := strings.LastIndexByte(s, '@')
	if err == nil || at < 1 {
		return path, err
	}
	if _, dotless := gateway.ParseForwardPath(strings.ReplaceAll(s[:at], ".", "-") + s[at:]); dotless != nil {
		return path, err
	}
	return gateway.ParseForwardPath(`"` + s[:at] + `"` + s[at:])
}

// otherLabels stand in front of addresses that did not fail.
var otherLabels = []string{
	"from", "sender", "message-id", "message id", "envelope", "-id:", "contact", "assist", "subject", "reply", "cc:", "help", "support", "sent by", "return-path", "administrator", "identifier", "queue", "postmaster", "visit", "http", "hello", "dear",
}

// ancestries are what MTAs write in front of the address that an alias stands for.
var ancestries = []string{"generated from", "expanded from"}

// ancestor is the address that one was made of by an alias, "" where a text does not
// tell: "anne@home.example (expanded from: <anne@example.com>)".
func ancestor(text string) gateway.ForwardPath {
	for _, s := range ancestries {
		if _, after, found := strings.Cut(text, s); found {
			return addressAt(strings.TrimLeft(after, ": \n"))
		}
	}
	return ""
}

// ofOther says whether what stands in front of an address tells that it is
// someone else's.
func ofOther(before string) bool {
	before = strings.ToLower(before)
	return anyOf(otherLabels, func(s string) bool { return strings.Contains(before, s) }) &&
		!anyOf(ancestries, func(s string) bool { return strings.HasSuffix(strings.TrimRight(before, ": <"), s) })
}

// labelled is the address behind the last colon of a line, and nothing else
// there: "Could not be delivered to: <anne@example.com>".
func labelled(line string) gateway.ForwardPath {
	at := strings.LastIndexByte(strings.TrimRight(line, " \t\n:"), ':')
	if at < 1 || ofOther(line[:at+1]) {
		return ""
	}
	// A field of the message that is spoken of; its addressee may be another.
	if label := strings.TrimSpace(line[:at]); strings.EqualFold(label, "to") {
		return ""
	}
	return ofPerson(addressAt(strings.TrimLeft(line[at+1:], " \t")))
}

// ofPerson is path unless it is a mail system's: those are named as contacts.
func ofPerson(path gateway.ForwardPath) gateway.ForwardPath {
	if isSystem(path) {
		return ""
	}
	return path
}

// mentioned is the first address in a line that is of nobody else: "There was
// an error delivering your mail to <anne@example.com>." What stands between two
// addresses tells of the second, where it is more than a comma.
func mentioned(line string) gateway.ForwardPath {
	before := ""
	for at := 0; at < len(line); {
		i := strings.IndexByte(line[at:], '@')
		if i < 0 {
			return ""
		}
		end := at + i
		from := max(at, end-addressBytesMax)
		start := from + strings.LastIndexAny(line[from:end], " \t,;:<>\"'()[]{}|=") + 1
		if between := line[at:start]; strings.ContainsFunc(between, unicode.IsLetter) {
			before = strings.TrimSpace(between)
		}
		path := addressAt(line[start:])
		if ofPerson(path) != "" && !ofOther(before) {
			if label := strings.ToLower(before); label != "to:" && label != "to: <" {
				return path
			}
		}
		at = min(start+max(len(path), end+1-start), len(line))
	}
	return ""
}
