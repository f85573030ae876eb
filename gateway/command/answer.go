package command

import (
	"strings"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/internal/charset"
)

// fromMax bounds a From field that is read, in octets.
const fromMax = 2 << 10

// Author is the address and the name of the author of a message, from its From field.
// Both are "" unless there is exactly one author.
func Author(header gateway.Header) (path gateway.ForwardPath, name string) {
	value := header.Get("From")
	if header.Count("From") != 1 || len(value) > fromMax {
		return "", ""
	}
	authors, err := charset.Addresses(value)
	if err != nil || len(authors) != 1 {
		return "", ""
	}
	if path, err = gateway.ParseForwardPath(authors[0].Address); err != nil {
		return "", ""
	}
	return path, gateway.Printable(authors[0].Name)
}

// Automatic says why a message must not be acted upon, or returns "": a program sent it
// by itself, or it went to many (RFC 3834, section 2). It also looks at fields that
// programs used before that standard.
func Automatic(header gateway.Header, from gateway.ReversePath) string {
	if from.IsNull() {
		return "it has a null reverse-path"
	}
	auto, _, _ := strings.Cut(header.Get("Auto-Submitted"), ";")
	auto, _, _ = strings.Cut(auto, "(")
	if auto = strings.TrimSpace(auto); auto != "" && !strings.EqualFold(auto, "no") {
		return "it was submitted automatically"
	}
	switch strings.ToLower(header.Get("Precedence")) {
	case "bulk", "junk", "list", "auto_reply":
		return "it is bulk mail"
	}
	for _, field := range header {
		if name := strings.ToLower(field.Name()); machineFields[name] || strings.HasPrefix(name, "list-") {
			return "it has a field " + gateway.Printable(field.Name())
		}
	}
	return ""
}

// Reply says why a post is an automatic reply to another post, or returns "". A list
// does not pass these on, since the programs of its members would answer them in turn.
func Reply(header gateway.Header, from gateway.ReversePath) string {
	auto := strings.ToLower(header.Get("Auto-Submitted"))
	report := strings.HasPrefix(strings.ToLower(header.Get("Content-Type")), "multipart/report")
	switch {
	case strings.HasPrefix(auto, "auto-replied"), strings.HasPrefix(auto, "auto-notified"):
		return "it is an automatic reply"
	case strings.EqualFold(header.Get("Precedence"), "auto_reply"), header.Find("X-Autoreply", 0) >= 0, header.Find("X-Autorespond", 0) >= 0:
		return "it is an automatic reply"
	case report && (from.IsNull() || auto != ""):
		return "it is a report"
	}
	return ""
}

// Unanswerable says why the author of a message must never be answered, or returns "": no
// person would read it (RFC 3834, section 2).
func Unanswerable(from gateway.ReversePath, author gateway.ForwardPath) string {
	switch {
	case author == "":
		return "it has no single author"
	case isMachine(author.Local()), isMachine(from.Local()):
		return "its author is a machine"
	}
	return ""
}

// machineFields are fields, in lower case, with which programs mark their mail or ask for
// no answer. Feedback-ID is not one of them: Fastmail, Proton, Zoho and senders that use
// Amazon SES also add it to what people write.
var machineFields = map[string]bool{
	"x-autoreply": true, "x-autorespond": true, "x-auto-response-suppress": true,
	"x-loop": true, "x-mailing-list": true, "mailing-list": true,
}

// machines are local parts of addresses that no person reads, in lower case and without
// hyphens, dots and underscores.
var machines = map[string]bool{
	"mailerdaemon": true, "postmaster": true, "noreply": true, "donotreply": true, "nobody": true,
	"listserv": true, "majordomo": true, "mailman": true, "bounce": true, "bounces": true,
}

// machineEndings are the endings of addresses of other lists: answering one could make
// two list servers answer each other forever.
var machineEndings = []string{
	"-request", "-owner", "-bounces", "-confirm", "-join", "-leave", "-subscribe", "-unsubscribe", "-admin", "-errors", "-noreply",
}

func isMachine(local string) bool {
	local = strings.ToLower(strings.Trim(local, `"`))
	name, _, _ := strings.Cut(local, "+")
	if machines[strings.NewReplacer("-", "", ".", "", "_", "").Replace(name)] || strings.HasPrefix(name, "owner-") {
		return true
	}
	for _, ending := range machineEndings {
		if strings.HasSuffix(name, ending) {
			return true
		}
	}
	return false
}
