package bounce

import (
	"net/mail"
	"strings"

	"github.com/mmgw/mmgw/gateway"
)

// fromBytesMax is how much of a From field is looked at.
const fromBytesMax = 2 << 10

// autoReply recognises the answer of a machine that stands for a person. The
// address is the one that answers.
func autoReply(m message) (Recipient, bool) {
	from := authorOf(m.header)
	if isSystem(from) || !isAutomatic(m.header) {
		return Recipient{}, false
	}
	class := AutoReply
	if isChallenge(m.header) {
		class = Challenge
	}
	return Recipient{Address: from, Class: class}, true
}

// authorOf is the address in From, "" where there is not exactly one.
func authorOf(h gateway.Header) gateway.ForwardPath {
	value := h.Get("From")
	if len(value) > fromBytesMax {
		return ""
	}
	from, err := mail.ParseAddress(value)
	if err != nil {
		return addressOf(value)
	}
	path, _ := gateway.ParseForwardPath(from.Address)
	return path
}

// isSystem says whether the mail system itself writes: then it is a bounce of
// a form that is not known.
func isSystem(from gateway.ForwardPath) bool {
	switch strings.ToLower(from.Local()) {
	case "mailer-daemon", "postmaster":
		return true
	}
	return false
}

// autoSubjects are how the subjects of replies begin whose programs often mark
// them nowhere else, in lower case.
var autoSubjects = []string{
	"automatic reply:", "auto-reply:", "autoreply:", "auto reply:", "out of office:", "out of office autoreply:",
	"automatische antwort:", "abwesenheitsnotiz:", "réponse automatique", "respuesta automática:", "risposta automatica:",
	"resposta automática:", "automatisch antwoord:", "automatiskt svar:", "automatisk svar:", "automaattinen vastaus:",
	"odpowiedź automatyczna:", "automatická odpověď:", "automatikus válasz:", "otomatik yanıt:", "автоматический ответ:",
	"自動応答:", "自动答复:", "自動回覆:", "자동 회신:",
}

// IsReplySubject says whether the subject is what programs write over the notes of
// people who are away. Alone, it may be a person's.
func IsReplySubject(h gateway.Header) bool {
	subject := message{header: h}.subject()
	return anyOf(autoSubjects, func(s string) bool { return strings.HasPrefix(subject, s) })
}

// isAutomatic goes by RFC 3834, section 5, and by the fields that were used
// before it.
func isAutomatic(h gateway.Header) bool {
	auto, _, _ := strings.Cut(strings.ToLower(h.Get("Auto-Submitted")), ";")
	if auto = firstWord(auto); auto != "" {
		return auto != "no"
	}
	if strings.EqualFold(h.Get("Precedence"), "auto_reply") {
		return true
	}
	return h.Find("X-Autoreply", 0) >= 0 || h.Find("X-Autorespond", 0) >= 0 || IsReplySubject(h)
}

// challengePhrases stand in the subjects of programs that want the author of
// a message to prove that there is one.
var challengePhrases = []string{"please confirm", "confirm your message", "verify your message", "sender verification"}

// isChallenge tells a challenge from a note; the reply is known to be automatic.
func isChallenge(h gateway.Header) bool {
	subject := strings.ToLower(h.Get("Subject"))
	return strings.HasPrefix(h.Get("X-Delivery-Agent"), "TMDA") ||
		anyOf(challengePhrases, func(s string) bool { return strings.Contains(subject, s) })
}
