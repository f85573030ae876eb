package command

import (
	"net/mail"
	"strings"

	"github.com/mmgw/mmgw/gateway"
)

// fromMax is how many octets of a From field are looked at.
const fromMax = 2 << 10

// Author is the address that wrote a message, the only one of its only From
// field, and the name beside it. Both are "" where there is not exactly one.
func Author(header gateway.Header) (path gateway.ForwardPath, name string) {
	value := header.Get("From")
	if header.Count("From") != 1 || len(value) > fromMax {
		return "", ""
	}
	authors, err := mail.ParseAddressList(value)
	if err != nil || len(authors) != 1 {
		return "", ""
	}
	if path, err = gateway.ParseForwardPath(authors[0].Address); err != nil {
		return "", ""
	}
	return path, gateway.Printable(authors[0].Name)
}

// Automatic says why nothing is to be done for a message, "" if something is: a
// program sent it by itself, or many get it (RFC 3834, section 2). Fields that
// programs used before that standard count as well.
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

// Reply says why a post is the answer of a machine to a post, "" if it is not: a
// list passes on none, since its members have such machines too.
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

// Unanswerable says why the author of a message is never answered, "" if it may
// be: nobody reads what goes there (RFC 3834, section 2).
func Unanswerable(from gateway.ReversePath, author gateway.ForwardPath) string {
	switch {
	case author == "":
		return "it has no single author"
	case isMachine(author.Local()), isMachine(from.Local()):
		return "its author is a machine"
	}
	return ""
}

// machineFields are what programs mark their mail with, or ask not to be
// answered with. Feedback-ID is not among them: Fastmail, Proton, Zoho and hosts that
// send by Amazon SES put it into what people write as well.
var machineFields = map[string]bool{
	"x-autoreply": true, "x-autorespond": true, "x-auto-response-suppress": true,
	"x-loop": true, "x-mailing-list": true, "mailing-list": true,
}

// machines are local parts of addresses behind which nobody sits, in lower case
// without hyphens, dots and underscores.
var machines = map[string]bool{
	"mailerdaemon": true, "postmaster": true, "noreply": true, "donotreply": true, "nobody": true,
	"listserv": true, "majordomo": true, "mailman": true, "bounce": true, "bounces": true,
}

// machineEndings are how the addresses of other lists end: answering one would
// begin a talk between two list servers.
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
