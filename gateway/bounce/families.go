package bounce

import "github.com/mmgw/mmgw/gateway"

// family is a meaning and what hosts write for it, in lower case with single
// spaces: phrases, of phraseBytesMin at least, and things that are in a state.
type family struct {
	status         gateway.EnhancedCode // what RFC 3463 and the registry of RFC 5248 have for it
	phrases        []string
	things, states []string // a thing near a state is as good as a phrase
}

// things that are in a state.
var (
	mailboxes = []string{"mailbox", "mail box", "account", "user", "recipient", "inbox", "local part", "local-part", "addressee"}
	hosts     = []string{"domain", "host", " mx", "mail server", "mail exchanger", "site"}
)

// wordings are the families; the first one that fits decides. Their order goes
// from the narrow to the wide: what is said of the quota, of the rate or of the
// reverse-path is said nowhere else; a refusal of spam may stand beside any
// excuse; and a timeout is what is left when nothing better was given.
var wordings = []family{
	{status: gateway.EnhancedCode{5, 1, 2}, phrases: []string{"account or domain may not exist"}},                    // and what else may be
	{status: gateway.EnhancedCode{5, 2, 1}, phrases: []string{"has suppressed sending", "on the suppression list"}},  // Amazon SES: it bounced before
	{status: gateway.EnhancedCode{5, 1, 1}, phrases: []string{"accepted -- invalid mailbox", "mailbox is inactive"}}, // whatever they say of why
	{status: gateway.EnhancedCode{5, 2, 2}, phrases: []string{
		"is full (", "over quota", "over-quota", "overquota", "exceeded their quota", "disk quota", "quota violation",
		"quota limit", "over the maximum allowed quota", "mailbox size limit", "exceeded the local limit", "user is over",
		"is over his", "mailbox is over", "mailbox limit", "has exceeded", "no room in mailbox", "boite pleine", "boîte pleine",
		"buzón lleno", "postfach voll", "casella piena", "storage quota", "maximum allowable size", "mailbox over",
		"mailbox space", "storage allocation", "account is over", "too many messages in",
		// of the mailbox
		"mailboxfull", "mailbox has reached", "mailbox reached", "box is full", "number of messages in", "messages in recipient",
		// of the quota
		"mailbox quota", "mail quota", "user quota", "diskspace", "zuviele mails", "zu viele mails", "maildir over", "over the quota", "quota reached",
		"over the limit for mailbox",
		// of the space
		"storage limit", "not have enough space", "allocated space", "allotted space", "no storage space",
		// in other languages
		"boîte aux lettres pleine", "boite aux lettres pleine", "messagerie pleine", "quota dépassé", "quota depasse",
		"postfach überfüllt", "speicherplatz", "quota überschritten", "buzon lleno", "bandeja llena", "cuota excedida",
		"excedido la cuota", "casella di posta piena", "caixa postal cheia", "caixa de correio cheia", "postvak vol", "ist voll",
		"est pleine", "está lleno", "está llena", "está cheia", "está cheio", "è piena", "przepełnion", "pełna skrzynka",
		"megtelt", "schránka je plná", "brevlådan är full", "innboksen er full", "postkassen er fuld", "kutusu dolu",
		"переполнен", "превышена квота", "メールボックスが一杯", "メールボックスがいっぱい", "容量を超", "容量オーバー", "容量が", "邮箱已满", "空间已满", "空间不足", "信箱已滿",
		"空間已滿", "용량", "가득",
	}, things: append([]string{"quota", "storage", "disk", "folder", "maildir", "space"}, mailboxes...), states: []string{
		" full", "exceed", " over ", "overflow", "overdrawn", "exhausted", "insufficient", "not enough", "no space", "no more room", "out of",
		"reached its", "limit reached", "would exceed",
	}},
	{status: gateway.EnhancedCode{4, 7, 28}, phrases: []string{
		"at a rate that", "verification in progress", "unavailable or access denied", "too many messages from", "too many mails from", "rate limit", "ratelimit", "rate-limit",
		"sending limit", "throttl", "too many emails", "message rate", "too fast", "too many connections",
		"temporarily deferred due to",
		// of a rate
		"frequency limit", "daily limit", "hourly limit", "limit per hour", "emails per hour", "messages per hour",
		"messages per day", "sending rate", "unusual rate", "slow down", "excessive rate", "volume of mail", "exceeded the rate",
		"exceeded your rate", "rate exceeded", "rate of mail",
		// of a number
		"too many concurrent", "too many sessions", "too many recipients", "too many invalid", "too many unknown",
		"too many bad", "too many errors", "too many messages per", "too much mail", "connection limit", "connections limit",
		"concurrent connections",
	}},
	{status: gateway.EnhancedCode{5, 1, 8}, phrases: []string{
		"sender rejected", "sender address", "sender denied", "sender verify", "sender domain", "domain of sender",
		"envelope sender", "invalid sender", "sender not", "sender unknown", "unknown sender", "bad sender", "from address",
		"return path", "from: domain", "email address is not verified", "after mail ", "to mail from", "domain is listed in",
		// of the reverse-path
		"return address", "reverse-path", "reverse path", "from domain", "sending domain", "sender's domain", "sender's address",
		"sender does", "sender has", "sender is", "sender's email", "sender id ", "verify sender", "verify the sender",
		"verify your address", "originator", "did not like our mail from", "mail from: address", "mailfrom", "mail from command",
		"mail from:<>", "null sender", "empty sender", "bounce address", "purported responsible", "sender could", "forged",
		"spoof", "unresolvable sender", "accept mail from", "emetteur invalide", "émetteur invalide", "from header", "from: header", "from field",
		// in other languages
		"expéditeur", "expediteur", "absender", "remitente", "mittente", "remetente", "afzender", "отправител",
	}},
	{status: gateway.EnhancedCode{4, 4, 2}, phrases: []string{"helo handshake", "ehlo handshake", "server greeting", "(sent helo)"}},
	{status: gateway.EnhancedCode{5, 7, 25}, phrases: []string{
		"reverse dns", "rdns", "ptr record", "ptr resource", "after initial connection", "mismatches client ip",
		"hostname does not match", "cannot find your reverse", "unverifiable sending ip", "helo",
		// of the client
		"no ptr", "reverse lookup", "reverse hostname", "reverse name", "ip name lookup", "my name was rejected",
		"greeting failed", "ehlo", "dynamic ip", "dynamically assigned", "residential", "generic hostname", "hostname mismatch",
		"cannot resolve your", "could not resolve your", "client host", "your host name", "your hostname", "your ip",
	}},
	{status: gateway.EnhancedCode{5, 7, 26}, phrases: []string{
		"dmarc", "dkim", "authentication checks", "spf record", "sender policy framework", "spf check", "spf fail",
		"not authenticated", "unauthenticated", "domainkeys", "fails to pass", "does not pass", "failed authentication",
		"message authentication", "email authentication", "sender id (pra)", "arc validation",
	}},
	{status: gateway.EnhancedCode{5, 7, 1}, phrases: []string{
		"spamhaus", "blacklist", "block list", "blocklist", "blocked using", "spam message", "spam content", "spam detected",
		"detected as spam", "considered spam", "due to recipient preferences", "rcp-p2", "virus", "ip address is blocked",
		"message filtered", "user reject",
		// lists
		"spamcop", "barracudacentral", "surbl", "uribl", "sorbs", "dnsbl", " rbl", "real-time black", "realtime black",
		"black list", "block-list", "denylist", "deny list", "listed by", "listed at",
		// what is in it
		"phishing", "malware", "infected", "trojan", "spamassassin", "junk mail", "bulk mail", "looks like spam",
		"suspected spam", "probable spam", "spamtrap", "classified as", "cloudmark", "content filter", "illegal attachment",
		"attachment type", "because of its content", "message content", "poor reputation", "bad reputation", "senderscore",
		"sender score", "pourriel", "als spam", "correo no deseado", "спам", "スパム", "迷惑メール", "垃圾邮件", "垃圾郵件", "스팸",
		"spamverdacht", "indésirable", "niechcian",
	}},
	{status: gateway.EnhancedCode{5, 7, 1}, phrases: []string{
		"relaying", "relay access", "relay not", "relay denied", "to relay", "not relay", "as a relay", "unauthorized relay",
		"not a gateway", "allowed rcpthosts", "handle mail for", "not local host", "domain is not allowed", "domain not allowed",
	}},
	{status: gateway.EnhancedCode{5, 3, 0}, phrases: []string{
		"procmail:", "maildrop:", "couldn't create", "can't create", "command died", "local delivery failed",
		"could not execute", "process exited", "mailer error", "exit status", "local configuration error", "exited with",
		"failed to execute", "pipe to", "can't open mailbox", "cannot open mailbox", "unable to open mailbox", "unable to lock",
		"cannot lock", "can't lock", "unable to write", "i/o error", "input/output error", "out of memory", "internal error",
		"internal server error", "unknown mail transport", "core dumped", "can't chdir", "unable to chdir", "home directory",
		"autoresponder", "several matches found",
	}},
	{status: gateway.EnhancedCode{5, 1, 6}, phrases: []string{
		"has moved", "user moved", "no longer works here", "address has changed", "has changed his", "has changed her",
		"changed the address", "has been replaced by", "no longer with", "no longer employed", "no longer at ",
		"left the company", "left this company", "left our company", "left the organi", "new address is", "new email address is",
		"new e-mail address is", "no forwarding address", "have moved to", "moved to another", "changed their",
		"change of address", "change d'adresse", "changé d'adresse", "neue adresse", "nueva dirección", "nuovo indirizzo",
		"cambiado de dirección",
	}},
	{status: gateway.EnhancedCode{5, 2, 1}, phrases: []string{
		"is inactive", "been suspended", "is suspended", "disabled or discontinued", "temporarily disabled",
		"currently suspended", "is currently disabled", "archivee", "inactivity", "mailbox temporarily", "on hold",
		"permanently disabled", "refused. mailbox", "no longer accepts mail", "no longer accepting mail", "temporarily inactive",
		// disabled
		"been disabled", "is disabled", "was disabled", "deactivated", "de-activated", "administratively", "address disabled",
		"not enabled",
		// suspended
		"account has been blocked", "mailbox has been blocked", "user has been blocked", "recipient has been blocked", "account has been locked", "frozen", "temporarily suspended",
		"temporarily blocked", "account is temporarily", "mailbox is currently", "account is currently", "account temporarily",
		"recipient is not accepting", "temporarily limited", "non-payment", "unpaid", "dormant", "subscription has expired",
		// inactive
		"not active", "not been activated", "not activated", "not been logged", "not logged in",
		// in other languages
		"compte bloqu", "est bloqu", "compte désactivé", "compte desactive", "compte suspendu", "compte inactif",
		"boite inactive", "boîte inactive", "gesperrt", "deaktiviert", "cuenta desactivada", "cuenta deshabilitada",
		"cuenta bloqueada", "cuenta suspendida", "conta desativada", "conta suspensa", "conta bloqueada", "disattivat", "sospes",
		"geblokkeerd", "отключен", "заблокирован", "неактив", "利用停止", "停止中", "已停用", "已被禁用", "zablokowan", "nieaktywn",
		"afgesloten", "uitgeschakeld", "spärrat", "devre dışı",
	}, things: mailboxes, states: []string{
		"disabled", "suspend", "inactive", "locked", "blocked", "deactivat", "frozen", "expired", "on hold", "not active",
		"not accepting",
	}},
	{status: gateway.EnhancedCode{4, 4, 3}, phrases: []string{
		"responded with code", "no valid route", "unrouteable mail domain", "unroutable mail domain", "server for this recipient", "host not found, try again", "name service error, try again", "dns query failed", "temporary failure in name resolution",
		"host lookup did not complete", "server failure", "servfail", "dns lookup failed",
		"name lookup failure", "temporary dns", "dns timeout", "dns timed out", "no authoritative", "malformed dns", "malformed name server", "malformed or unexpected",
	}},
	{status: gateway.EnhancedCode{5, 1, 2}, phrases: []string{
		"couldn't find any host", "dns lookup failure: host", "domain does not", "name service error", "domain is not", "name or service not known",
		"nxdomain", "no mx", "no route to host (dns", "bad domain", "doesn't receive email", "no host found for",
		"not accepting network messages", "null mx", "does not accept mail", "no matches to nameserver", "domain must resolve",
		"domain must exist", "no mail server", "does not accept incoming", "doesn't accept incoming", "address family not",
		"does not resolve",
		// no such domain
		"domain doesn't", "domain doesnt", "domain name does", "domain couldn't be found", "domain could not be found",
		"does not appear to be registered", "bad host", "bad destination host", "domain has no",
		"no dns entry", "no a record", "no address record", "no route found to domain", "no mail exchanger",
		"no address associated with hostname", "nodename nor servname", "answer with no data",
		"unable to get mx info", "bad destination system",
		"domain could not be resolved", "domain cannot be resolved", "domain can't be resolved", "host could not be resolved",
		"hostname could not be resolved", "unknown destination domain", "find a mail exchanger", "find any mail exchanger", "no route to domain",
		"all relevant mx records", "lookups failed permanently", "mx records point to non-existent", "host couldn't be found",
		"server could not be found", "server for this domain", "couldn't find host", "misspelled domain",
		// no mail there
		"no smtp service)", "indicated no smtp", "doesn't accept mail", "do not accept mail", "accepts no mail", "nullmx",
		"reject all mail", "not accept any mail", "domain is parked", "no mail hosts", "mail receiving disabled",
		"mail receiving is disabled", "no route for current request", "host is not accepting", "system not accepting",
		"does not receive mail", "does not receive email", "doesn't receive mail", "not configured to receive mail",
		"not configured to receive email",
		// in other languages
		"domaine inconnu", "domaine n'existe", "hôte inconnu", "domain unbekannt", "domäne unbekannt", "domäne existiert",
		"domain existiert", "host unbekannt", "dominio desconocido", "dominio inexistente", "dominio no existe",
		"dominio inesistente", "dominio sconosciuto", "domínio inexistente", "domínio não", "домен не", "domena nie",
		"doména ne", "domänen finns", "domein bestaat", "ドメインが存在", "ドメインが見つ", "ドメイン名が", "域名不存在", "域名錯誤", "域名错误",
	}, things: hosts, states: []string{
		"unknown", "not found", "n't found", "not exist", "n't exist", "no such", "invalid", "illegal", "nonexist", "non-exist",
		"not resolve", "unresolv", "unable to find", "could not find", "can't find", "not valid", "n't valid", "no valid",
		"unrout", "not be found", "cannot find",
	}},
	{status: gateway.EnhancedCode{5, 1, 1}, phrases: []string{
		"no such address", "no such person", "no such local", "not exist", "n't exist", "doesn=92t exist", "unknown address",
		"address unknown", "unknown local", "unknown to address", "address error", "invalid address", "invalid local",
		"not a valid", "is not valid", "address is invalid", "recipientnotfound", "recipnotfound", "wasn't found", "couldn't be found",
		"could not be found", "not found", "doesn't have a", "does not have an account", "does not have a mailbox", "no account",
		"not listed in", "mailbox unavailable", "mailbox not", "mailbox is unavailable", "not recognized", "bad destination",
		"bad recipient", "not our customer", "not a known user", "isn't a", "unknown name", "no recipient",
		"recipient address rejected: access", "recipient address rejected.", "rejecting for local", "bad address",
		"undeliverable address", "mailbox name not allowed", "check if address", "recipient rejected", "recipient not ok", "no longer available",
		"account unavailable", "not a known recipient", "unknown e-mail", "unknown email", "not our user",
		"no user in this domain", "name is not recognised", "inactive/invalid", "invalid/inactive", "mailbox for this",
		"no such alias", "no such customer", "illegal alias", "unknown alias", "user doesn", "no active", "closed account",
		"account closed", "account has been closed", "account was closed", "destinataire inconnu", "unbekannter empf",
		"empfänger unbekannt", "no existe", "inexistente", "n'existe pas", "existiert nicht", "nicht gefunden",
		"address does not",
		"nie ma takiego", "neexistuj", "keine mailbox", "destinatario errato",
		// no such
		"account is unavailable", "user is unavailable", "no mail box", "no mail-box", "no one with", "no one at", "nobody at", "not here",
		"member of domain", "is not a user", "not in use", "not user of", "no user account", "not on this server", "nessun utente", "non répertorié",
		"ディレクトリにありません", "リストにありません", "not one of ours", "mailbox name invalid", "dead mailbox", "mailbox closed",
		"not present in", "directory lookup failed", "bad-recipient", "teilnehmer unbekannt", "user left", "find your recipient", "cannot deliver mail for",
		"user not ok", "address not valid", "address is wrong", "address is not valid", "unavailable mail user", "no such mail", "no such e-mail", "no such email", "no such id", "no such contact", "no such subscriber",
		"no such member", "no such destination", "no such login", "no such name", "no such object", "no user by", "no user with",
		"no mailbox", "no email address", "no local user", "no local mailbox", "no known user", "no one by that name",
		"nobody by that name", "no match",
		// unknown
		"unknown in", "unknown or", "unknown subscriber", "rcp-p1", "int-p1", "int-p3", "int-p4", "badrcptto", "badrecipientto", "validrcptto", "000c05a6", "addresses were unknown",
		"in name directory", "an active address", "not email addresses", "accept user", "unknown member", "unknown person", "unknown login",
		"unknown customer", "unknown destination", "unknown virtual", "unknown id", "unknown recip", "unknown final",
		"is unknown", "id unknown", "not known", "isn't known",
		// not existing
		"non existent", "nonexistent", "non-existent", "no longer exist", "does not appear", "doesn't appear", "not our mailbox",
		"inactive email address", "not handled here", "not a local", "not local", "not hosted here",
		"not in directory", "not in the directory", "not defined", "undefined user", "undefined mailbox", "undefined recipient",
		"not a mailbox", "not a recipient", "not an existing", "not registered", "isn't registered", "invalid final delivery",
		"not served",
		// invalid
		"invalid mail", "invalid email", "invalid e-mail", "invalid destination", "invalid rcpt", "invalid name",
		"incorrect address", "incorrect recipient", "wrong address", "wrong recipient", "bad user", "bad mailbox", "bad email",
		"bad e-mail", "illegal address", "address isn't", "address invalid", "recipient no longer", "recipients are invalid",
		"recipient does", "user does not", "account does not", "account doesn't", "mailbox does", "unresolvable", "unroutable",
		"unrouteable",
		// gone
		"no longer valid", "no longer in use", "no longer in service", "no longer on",
		"no longer a valid", "no longer has", "no longer used", "has been deleted", "was deleted", "been removed",
		"been terminated", "been cancelled", "been canceled", "account cancelled", "account canceled", "account removed",
		"account deleted", "account terminated", "mailbox removed", "mailbox deleted", "user deleted", "user removed",
		"cancelled account", "deleted account", "deleted user", "deleted mailbox", "discontinued",
		// not found
		"couldn't find user", "couldn't find recipient", "unable to find", "unable to locate", "cannot locate", "can't locate",
		"could not locate", "cannot be found", "can't be found", "can not be found", "other recipients in the same domain",
		// French
		"destinataire invalide", "destinataire inexistant", "adresse inconnue", "adresse invalide", "adresse inexistante",
		"adresse n'existe", "utilisateur inconnu", "boîte inexistante", "boite inexistante", "compte inexistant", "introuvable",
		// German and Dutch
		"unbekannter benutzer", "benutzer unbekannt", "adresse unbekannt", "unbekannte adresse", "unbekannte empf",
		"empfaenger unbekannt", "empfänger nicht", "nicht vorhanden", "nicht bekannt", "unbekannter nutzer", "ungültige adresse",
		"ungültiger empf", "ungültige empf", "gibt es nicht", "nicht im domino", "nicht aufgeführt", "nicht aufgelistet",
		"gebruiker onbekend", "onbekende gebruiker", "onbekende ontvanger", "bestaat niet", "niet gevonden",
		// Spanish, Portuguese and Italian
		"dirección desconocida", "direccion desconocida", "dirección no", "direccion no", "no se encontr", "no se encuentra", "no se ha encontrado",
		"no encontrado", "não existe", "nao existe", "não encontrado", "não foi encontrado", "destinatario inesistente",
		"indirizzo inesistente", "utente inesistente", "casella inesistente", "non esiste", "non trovato", "non è stato trovato",
		"desconhecido", "desconocido", "sconosciuto",
		// others
		"okänd mottagare", "okänd användare", "att hitta mottagar", "hittades inte", "finns inte", "ikke fundet", "ikke funnet",
		"findes ikke", "finnes ikke", "bulunamad", "mevcut değil", "ei löydy", "ei löytynyt", "ukjent bruker", "ukjent mottaker",
		"ukendt bruger", "ukendt modtager", "tuntematon", "nieznany", "nie istnieje", "nie odnaleziono", "nie znaleziono",
		"brak użytkownika", "neexistuje", "neznámý", "ismeretlen", "bilinmeyen", "не найден", "не существует", "неизвестн",
		"нет такого", "存在しません", "存在しない", "存在いたしません", "見つかりません", "みつかりません", "登録されていません", "使われておりません", "宛先不明", "不存在", "查无此", "查無此",
		"找不到收件", "没有找到收件", "존재하지 않", "찾을 수 없", "없는 사용자",
	}, things: append([]string{
		"fänger", "faenger", "adressat", "adresse", "benutzer", "postfach", "konto", "utilisateur", "destinataire",
		"compte", "usuario", "usuário", "destinatario", "cuenta", "conta ", "utente", "indirizzo",
	}, mailboxes...), states: []string{
		"unbekannt", "ungültig", "ungueltig", "inconnu", "non valide", "incorrect", "desconocid", "desconhecid", "sconosciut",
		"inexist", "no válid", "kein", "non existing", "nonexisting", "cannot be verified", "verify failed",
		"unknown", "not found", "n't found", "not exist", "n't exist", "no such", "invalid", "illegal", "nonexist", "non-exist",
		"not valid", "n't valid", "no valid", "unrecogni", "not recogni", "n't recogni", "not known", "n't known", "not listed",
		"unable to find", "could not find", "can't find", "cannot find", "not be found",
	}},
	{status: gateway.EnhancedCode{5, 3, 4}, phrases: []string{
		"exceeds maximum", "message exceeds", "size limit", "exceeds the maximum", "too large", "message size", "line limit",
		"line too long", "exceeded size", "message length", "exceeds limit set", "larger than", "exceeds size", "mail size",
		"too big", "sizelimit", "maximum size", "taille maximale", "trop volumineux", "zu gross", "zu groß", "demasiado grande",
		"troppo grande", "muito grande",
	}},
	{status: gateway.EnhancedCode{5, 7, 1}, phrases: []string{
		"spam", "blocked", "spf", "policy", "policies", "reputation", "content rejected", "unsolicited", "message rejected",
		"banned", "authentication required", "auth failed", "message refused", "mail rejected", "content reject", "mass mailer",
		"only members", "email rejected", "mail refused", "black ip", "aup#", "envelope blocked", "failed to authenticate", "local user only", "security reasons",
		"whitelist", "white list", "not a member", "only accepts",
	}},
	{status: gateway.EnhancedCode{5, 7, 0}, phrases: []string{
		"not permitted", "not authorized", "not allowed", "rejected by", "prohibited", "refused by", "authorization", "denied",
		"forbidden", "unacceptable", "restricted", "unauthorized", "unauthorised", "not accepted", "refuse to accept",
		"abgelehnt", "verweigert", "rechazado", "rifiutato", "refusé",
	}},
	{status: gateway.EnhancedCode{4, 4, 6}, phrases: []string{
		"too many hops", "hop count", "routing loop", "mail loop", "loops back",
		"lowest numbered mx record points to local host", "best-preference mx", "looping", "loop detected", "delivered-to line",
		"too many received",
	}},
	{status: gateway.EnhancedCode{4, 4, 7}, phrases: []string{
		"retry time not reached", "queue too long", "timed out", "timeout", "connection refused", "unable to connect",
		"wasn't able to establish", "could not connect", "could not be delivered for", "still being tried",
		"cannot send message", "deferred", "temporarily unavailable", "no route to host", "connection lost", "lost connection",
		"service unavailable", "service currently unavailable",
		// given up
		"expired", "i'm giving up", "giving up after", "multiple retries", "all hosts have been failing", "retrying for", "failing for a long time",
		// no connection
		"could not be contacted", "unable to contact", "cannot connect", "can't connect", "could not be reached",
		"failed to connect", "couldn't connect", "requests to connect", "not responding", "did not respond", "no answer",
		"no response", "not reachable", "unreachable", "host is down", "connection reset", "reset by peer", "broken pipe",
		"closed connection", "connection closed", "connection was closed", "dropped connection", "connection dropped",
		"connection failed", "network error", "starttls", " tls ", "handshake", "protocol error",
		// later
		"greylist", "graylist", "grey list", "too busy", "server busy", "overload", "low on disk", "insufficient disk",
	}},
}
