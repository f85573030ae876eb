// Package command reads the commands that people send to a list by mail, to join or leave
// it for example, and says whether a message may be answered at all (RFC 3834).
//
// It is pure: a message in, commands out. The caller carries the commands out, and limits
// how often anyone is answered. For any message, reading takes time and memory within the
// limits below.
package command

import (
	"strings"
	"unicode"

	"github.com/mmgw/mmgw/gateway"
)

// Verb is what a command asks for.
type Verb string

// The verbs. Unknown is for a line that is not a command, at which reading ends.
const (
	Help    Verb = "help"
	Join    Verb = "join"
	Leave   Verb = "leave"
	Confirm Verb = "confirm"
	Unknown Verb = "unknown"
)

// Command is one command of a message.
type Command struct {
	Verb     Verb
	Argument string // of Confirm: the token, in lower case; else ""
	Line     string // as it was written, cut and printable
}

// Limits of one message.
const (
	CommandsMax = 10       // that are read: a person sends one or two
	linesMax    = 200      // of the text that are read, including quoted ones
	TextMax     = 64 << 10 // octets of the text that are read
	tokenMax    = 64       // octets, as many as a local part can have
	lineMax     = 200      // octets of a line that are shown
	markMax     = 24       // octets of a mark such as "Re" before the colon of a subject
	subjectMax  = 998      // octets, of one line (RFC 5322, section 2.1.1)
)

// verbs are the words for each verb, which people know from Mailman, Majordomo and ezmlm.
var verbs = map[string]Verb{
	"help": Help, "info": Help,
	"join": Join, "subscribe": Join, "sub": Join,
	"leave": Leave, "unsubscribe": Leave, "unsub": Leave, "remove": Leave, "signoff": Leave,
	"confirm": Confirm, "accept": Confirm, "auth": Confirm,
}

// ends are the words at which reading ends, since a signature follows.
var ends = map[string]bool{"end": true, "stop": true, "quit": true, "exit": true, "--": true}

// Read returns the commands of a message to a service address of a list. The addresses
// -join, -leave and -confirm are commands themselves; detail is the token of -confirm.
// For -request, and for -confirm without a token, Read looks for commands in the subject
// and in the text of the message, which is in UTF-8. If there are none in the text, or
// all of it is HTML, the result is the Unknown command of the subject, or if that is empty
// Help for -request.
func Read(service gateway.Service, detail, subject, text string) []Command {
	switch {
	case service == gateway.Join:
		return []Command{{Verb: Join}}
	case service == gateway.Leave:
		return []Command{{Verb: Leave}}
	case service == gateway.Confirm && isToken(detail):
		return []Command{{Verb: Confirm, Argument: strings.ToLower(detail)}}
	}
	var all []Command
	c, ok := parse(unmark(subject[:min(len(subject), subjectMax)]))
	if ok && c.Verb != Unknown {
		all = append(all, c)
	}
	all = readText(all, text[:min(len(text), TextMax)])
	switch {
	case len(all) > 0:
	case ok:
		all = append(all, c)
	case service == gateway.Request:
		all = append(all, Command{Verb: Help})
	}
	return all
}

// readText adds the commands of a text, up to the first line that is not a command. Below
// a command such a line is not a mistake, but prose, or what a phone puts under all mail.
func readText(all []Command, text string) []Command {
	n := 0
	for line := range strings.Lines(text) {
		if n++; n > linesMax || len(all) == CommandsMax {
			break
		}
		line = strings.TrimFunc(line, isSpace)
		if ends[strings.ToLower(line)] {
			break
		}
		c, ok := parse(line)
		switch {
		case !ok:
			continue
		case c.Verb == Unknown && len(all) > 0:
			return all
		case c.Verb == Unknown:
			return []Command{c}
		}
		all = append(all, c)
	}
	return all
}

// isSpace says whether a character separates words, or is not seen at all: mail programs
// leave byte order marks, zero-width spaces and marks of direction in texts.
func isSpace(r rune) bool { return unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) }

// parse reads one line. It returns false for a line that is empty or quoted.
func parse(line string) (Command, bool) {
	words := strings.FieldsFunc(line, isSpace)
	if len(words) == 0 || strings.HasPrefix(line, ">") {
		return Command{}, false
	}
	c := Command{Verb: verbs[strings.ToLower(words[0])], Line: gateway.Printable(line[:min(len(line), lineMax)])}
	switch {
	case c.Verb == Confirm && len(words) > 1 && isToken(words[1]):
		c.Argument = strings.ToLower(words[1])
	case c.Verb == Confirm, c.Verb == "":
		c.Verb = Unknown
	}
	return c, true
}

// unmark removes from a subject what mail programs and servers put before it, as in "Re:
// AW: confirm x", "回复：confirm x" and "[EXTERNAL] Antwort: confirm x".
func unmark(subject string) string {
	for {
		subject = strings.TrimSpace(subject)
		if tagged, rest, found := strings.Cut(subject, "]"); found && strings.HasPrefix(tagged, "[") {
			subject = rest
			continue
		}
		mark, rest, found := strings.Cut(strings.Replace(subject, "\uff1a", ":", 1), ":")
		if !found || len(mark) > markMax || len(strings.Fields(mark)) > 2 {
			return subject
		}
		subject = rest
	}
}

// isToken says whether s can be a token: letters and digits.
func isToken(s string) bool {
	if s == "" || len(s) > tokenMax {
		return false
	}
	for i := range len(s) {
		c := s[i] | 0x20
		if (c < 'a' || c > 'z') && (s[i] < '0' || s[i] > '9') {
			return false
		}
	}
	return true
}
