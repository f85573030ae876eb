package bounce

import (
	"slices"
	"strings"

	"github.com/mmgw/mmgw/gateway"
)

// family is a meaning and the phrases that hosts write for it. Phrases are in
// lower case with single spaces.
type family struct {
	status  gateway.EnhancedCode // what RFC 3463 and the registry of RFC 5248 have for it
	phrases []string
}

// wordings are the families; the first one that fits decides. Their order goes
// from the narrow to the wide: what is said of the quota, of the rate or of the
// reverse-path is said nowhere else; a refusal of spam may stand beside any
// excuse; and a timeout is what is left when nothing better was given.
var wordings = []family{
	{gateway.EnhancedCode{5, 2, 2}, []string{
		"mailbox is full", "mailbox full", "mailbox was full", "mailfolder is full", "inbox is full", "is full (", "over quota", "over-quota", "overquota", "quota exceed",
		"exceeded quota", "exceeds quota", "exceeded his quota", "exceeded their quota", "exceeding quota", "disk quota", "quota violation", "quota limit",
		"exceeded storage", "out of storage", "insufficient storage", "not enough space", "not enough disk", "no space left", "over the maximum allowed quota",
		"mailbox size limit", "mailbox exceeds", "mailbox exceeded", "exceeded the local limit", "user is over", "is over his", "storage full", "mailbox is over", "mailbox limit", "mail box is full", "has exceeded", "no room in mailbox", "boite pleine", "bo\u00eete pleine", "buz\u00f3n lleno", "postfach voll", "postfach ist voll", "casella piena", "recipient overquota", "storage quota", "maximum allowable size", "mailbox over",
		"mailbox space", "storage allocation", "account is over", "account exceed", "too many messages in", "out of disk space",
	}},
	{gateway.EnhancedCode{4, 7, 28}, []string{
		"at a rate that", "too many recipients this", "too many messages from", "too many mails from", "rate limit", "ratelimit", "rate-limit", "sending limit", "throttl",
		"too many emails", "message rate", "too fast", "too many connections", "temporarily deferred due to",
	}},
	{gateway.EnhancedCode{5, 1, 8}, []string{
		"sender rejected", "sender address", "sender denied", "mailfrom domain", "sender verify", "sender domain", "domain of sender", "envelope sender",
		"invalid sender", "sender is not", "sender not", "sender unknown", "unknown sender", "bad sender", "from address", "return path", "from: domain",
		"email address is not verified", "after mail ", "to mail from", "domain is listed in",
	}},
	{gateway.EnhancedCode{5, 7, 25}, []string{
		"reverse dns", "rdns", "ptr record", "ptr resource", "fcrdns", "after initial connection", "mismatches client ip", "hostname does not match", "cannot find your hostname",
		"cannot find your reverse", "unverifiable sending ip", "helo",
	}},
	{gateway.EnhancedCode{5, 7, 26}, []string{
		"dmarc", "unauthenticated email", "dkim", "authentication checks", "sender policy framework", "spf check", "spf fail", "not authenticated",
	}},
	{gateway.EnhancedCode{5, 7, 1}, []string{
		"spamhaus", "blacklist", "block list", "blocklist", "blocked using", "spam message", "spam content", "spam detected", "detected as spam", "considered spam",
		"due to recipient preferences", "badrcptto", "virus", "ip address is blocked", "message filtered",
	}},
	{gateway.EnhancedCode{5, 3, 0}, []string{
		"procmail:", "maildrop:", "couldn't create", "can't create", "command died", "local delivery failed", "could not execute", "process exited", "mailer error", "exit status", "local configuration error",
		"exited with", "failed to execute", "pipe to",
	}},
	{gateway.EnhancedCode{5, 1, 6}, []string{"has moved", "user moved", "no longer works here", "address has changed", "has changed his", "has changed her", "changed the address", "has been replaced by"}},
	{gateway.EnhancedCode{5, 2, 1}, []string{
		"account disabled", "account is disabled", "account has been disabled", "mailbox disabled", "mailbox is disabled", "user disabled", "account that you tried to reach is disabled",
		"account inactive", "account is inactive", "mailbox is inactive", "mailbox inactive", "user inactive", "user is inactive", "is inactive", "inactive user", "user suspended",
		"account suspended", "account is suspended", "been suspended", "is suspended", "mailbox is frozen", "mailbox currently suspended", "disabled or discontinued",
		"temporarily disabled", "disabled mailbox", "account is locked", "account is deactivated", "has been deactivated", "account expired", "account has expired", "user(s) account is disabled",
		"recipient suspend", "extended inactivity", "currently suspended", "is currently disabled", "archivee", "inactivity", "mailbox temporarily", "on hold", "suspended recipient", "not accepting mail", "not accepting any", "permanently disabled", "email account disabled", "refused. mailbox",
	}},
	{gateway.EnhancedCode{4, 4, 3}, []string{"host not found, try again", "name service error, try again", "dns query failed"}},
	{gateway.EnhancedCode{5, 1, 2}, []string{
		"host or domain name not found", "couldn't find any host", "host unknown", "unknown host", "host not found", "no such domain", "domain not found", "non-existent host",
		"unknown domain", "domain does not", "name service error", "domain is not", "name or service not known", "nxdomain", "no mx", "no route to host (dns", "bad domain",
		"domain name not found", "doesn't receive email", "unrouteable mail domain", "no such host", "no mx found", "not accepting network messages", "null mx", "does not accept mail", "no matches to nameserver", "domain must resolve", "domain must exist", "illegal host/domain", "no such domain", "invalid domain", "domain invalid", "unknown mail host", "no mail server", "does not accept incoming", "doesn't accept incoming", "domain unknown", "address family not", "does not resolve",
	}},
	{gateway.EnhancedCode{5, 1, 1}, []string{
		"user unknown", "unknown user", "no such user", "no mailbox here", "no such address", "no such mailbox", "no such recipient", "no such person", "no such local", "no such account",
		"not exist", "doesn't exist", "doesn=92t exist", "unrouteable address", "unroutable address", "unknown recipient", "recipient unknown", "unknown address", "address unknown",
		"unknown local", "unknown mailbox", "unknown account", "unknown to address", "address error", "invalid recipient", "invalid mailbox", "invalid address", "invalid user", "invalid local", "not a valid", "is not valid", "is invalid", "user not found", "user not exist",
		"recipient not found", "recipientnotfound", "recipnotfound", "address not found", "wasn't found", "couldn't be found", "could not be found", "not found", "doesn't have a", "does not have a", "no account",
		"not listed in", "mailbox unavailable", "mailbox not", "mailbox is unavailable", "name is not recognized", "not recognized", "bad destination", "bad recipient", "not our customer",
		"no valid recipients", "not a known user", "not known here", "unable to find user", "user is unknown", "user name is unknown", "isn't a", "non-existent user", "nonexistent user",
		"user reject", "no mailbox by that name", "no mailbox found", "unknown name", "not known at", "no recipient", "recipient address rejected: access", "recipient address rejected.", "rejecting for local",
		"is not a local", "addressee unknown", "bad address", "undeliverable address", "mailbox name not allowed", "check if address", "recipient does not", "unknown or illegal alias", "recipient rejected", "no longer available", "account unavailable", "user not known", "not a known recipient", "unknown e-mail", "unknown email", "not our user",
		"no user in this domain", "user not local", "no account by that name", "name is not recognised", "inactive/invalid", "invalid/inactive", "mailbox for this", "no such alias", "no such customer", "no such username",
		"illegal user", "illegal alias", "unknown alias", "user doesn", "no active", "closed account", "account closed", "account has been closed", "account was closed", "has no mailbox", "adresse destinataire invalide", "usuario desconocido", "destinataire inconnu", "unbekannter empf",
		"empf\u00e4nger unbekannt", "utente sconosciuto", "no existe", "inexistente", "n'existe pas", "existiert nicht", "nicht gefunden", "address does not",
	}},
	{gateway.EnhancedCode{5, 3, 4}, []string{
		"message too large", "message too big", "message size exceeds", "exceeds maximum", "too large for", "message exceeds", "size limit", "exceeds the maximum", "too large", "message size", "line limit",
		"line too long", "exceeded size",
	}},
	{gateway.EnhancedCode{5, 7, 1}, []string{
		"spam", "blocked", "spf", "policy", "policies", "relaying", "relay not permitted", "relay access", "not permitted", "access denied", "permission denied", "reputation", "content rejected",
		"not authorized", "not allowed", "unsolicited", "rejected by", "message rejected", "prohibited", "banned", "refused by", "authentication required", "authorization",
	}},
	{gateway.EnhancedCode{4, 4, 6}, []string{"too many hops", "hop count", "routing loop", "mail loop", "loops back", "lowest numbered mx record points to local host"}},
	{gateway.EnhancedCode{4, 4, 7}, []string{
		"retry timeout exceeded", "retry time not reached", "queue too long", "timed out", "timeout", "connection refused", "unable to connect", "message expired",
		"wasn't able to establish", "could not connect", "delivery time expired", "could not be delivered for", "still being tried", "cannot send message", "deferred", "temporarily unavailable",
		"no route to host", "network is unreachable", "connection lost", "lost connection", "service unavailable", "service currently unavailable",
	}},
}

// wordingOf looks for the phrases in text, whose case and line ends do not count.
// Zero where no family fits.
func wordingOf(text string) gateway.EnhancedCode {
	// Remote hosts wrap their replies where they like. Addresses say nothing,
	// whatever they are made of.
	words := slices.DeleteFunc(strings.Fields(strings.ToLower(text)), func(word string) bool { return strings.Contains(word, "@") })
	text = strings.Join(words, " ")
	for _, family := range wordings {
		if anyOf(family.phrases, func(phrase string) bool { return strings.Contains(text, phrase) }) {
			return family.status
		}
	}
	return gateway.EnhancedCode{}
}

// ownWords are what an MTA says of an address out of its own knowledge, without
// a host behind it that may have meant something else.
var ownWords = []string{
	"not listed in", "not recognized", "unknown user:", "unrouteable address", "no valid recipients", "unknown recipient", "unknown local part", "no such local", "all addresses must", "address couldn't be found",
	"wasn't found at", "was not found at", "check if address", "please check the recipient", "no mailbox here", "does not exist at",
}

func isOwnWord(text string) bool {
	text = strings.ToLower(strings.Join(strings.Fields(text), " "))
	return anyOf(ownWords, func(s string) bool { return strings.Contains(text, s) })
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
		"after i sent the message", ">>> data", "command\ndata", "(state 17)", "(state 18)", "(state 13)", "dot command", "error message: data",
	}
	recipientPhrases = []string{"rcpt", "does not like recipient", ">: user unknown", ">: recipient", "recipient address rejected", "(state 14)", "rejected recipient"}
)

// phaseOf looks for the phase in texts, the first of which that tells it counts.
func phaseOf(texts ...string) phase {
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
