package bounce

// All words of notices are in lower case. Those of other languages than English
// stand at the end of each list.

// systemAuthors are the local parts and display names, in lower case and
// without anything but letters, under which mail systems write.
var systemAuthors = []string{
	"mailerdaemon", "postmaster", "maildeliver", "systemadministrator", "mailadministrator", "mmscndr", "mailsystem",
	"smtpgateway", "mailgateway", "deliverysubsystem", "deliverystatus", "mailsubsystem", "mailrouter", "mailservice@",
	"bounce@", "mailserver@", "mailserverat", "mtaadmin", "microsoftexchange", "mdaemon@", "mdaemonat",
}

// failureSubjects stand in the subjects of notices.
var failureSubjects = []string{
	"undeliver", "returned mail", "returned to sender", "return to sender", "returning message", "failure notice",
	"delivery fail", "delivery has failed", "failed delivery", "delivery status", "delivery notification",
	"delivery report", "delivery problem", "mail system error", "nondeliverable", "non-deliver", "not deliver",
	"couldn't be delivered", "could not be deliver", "error sending your mail", "mail delivery", "mail failure",
	"message delayed", "delayed 24 hours", "bounced mail", "mail bounced", "message could not", "unable to deliver",
	"cannot be delivered", "delivery error", "delivery warning", "returned email", "message rejected", "message blocked",
	"address not found", "postmaster notify", "warning: could not send", "recipient unknown", "user unknown",
	"invalid address", "rejected mail", "mail could not", "mail failed", "returning to sender", "failed mail", "nondelivery",
	"mail returned", "message returned", "returned message", "recipient not found", "unknown user",
	"notification d'état", "avis de non-remise", "non remis", "échec de la remise", "unzustellbar", "nicht zugestellt",
	"zustellung", "no se puede entregar", "no se pudo entregar", "no entregado", "devuelto", "não entregue", "devolvido",
	"mancato recapito", "impossibile recapitare", "non recapitabile", "onbestelbaar", "niet bezorgd", "kan inte leverera",
	"недоставлен", "не доставлено", "送信エラー", "配信エラー", "配信不能", "エラーメール", "无法送达", "退信", "無法送達", "전송 실패",
	"não é possível entregar", "recapito non riuscito", "mislukt", "ikke leveres", "nie można dostarczyć", "niedostarcz",
	"nedoručiteln", "teslim edilemedi",
}

// statements are how notices say that something failed.
var statements = []string{
	"not be delivered", "rejected your message", "your message was rejected by", "message was not accepted",
	"message has been rejected", "automatically rejected", "couldn't be delivered", "can't be delivered", "was not sent", "returned to sender",
	"problem with the recipient", "undeliver", "not deliver", "did not reach",
	"did not receive this message", "delivery", "delivering", "to deliver", "failed to", "failure reason", "has failed",
	"message is delayed", "permanent fatal error", "errors occurred", "could not be sent", "couldn't be sent",
	"returned below", "remote host said", "invalid user", "could not send", "unknown user", "returned to you",
	"transcript of session", "been returned", "being returned", "intended recipient", "no such user", "no valid recipients",
	"permanent error", "non-delivery", "nondelivery", "could not deliver",
	"pas pu être", "n'a pas été", "échec", "non remis", "nicht zugestellt", "unzustellbar", "zustellung", "konnte nicht",
	"no se pudo", "no ha podido", "no se ha podido", "no entregado", "falha na entrega", "não foi", "não pôde", "non è stato", "impossibile",
	"mancato recapito", "не удалось", "не доставлено", "送信できません", "配信できません", "送れません", "届きません", "エラー", "nicht erreicht",
	"fehler bei der", "n'est pas parvenu", "error de entrega", "recapito non", "non recapit", "niet bezorg", "niet worden",
	"kunde inte", "inte att leverera", "ikke lever", "mislykkedes", "mislyktes", "nie powiodło", "nie można dostarczyć",
	"nie została", "niedostarcz", "nepodařilo", "doručit", "kézbesít", "teslim edilemedi", "iletilemedi", "epäonnistui",
	"сбой доставки", "не может быть", "недоставлен", "失敗しました", "届けできません", "退回", "退信", "无法发送", "无法送达", "無法送達", "無法傳送",
	"전송되지", "전송 실패", "배달되지", "반송",
}

// delays are how notices say that delivery is still tried.
var delays = []string{
	"warning message only", "not yet been delivered", "has been delayed", "will be retried", "still being tried",
	"delayed 24 hours", "delivery attempts will continue", "will continue to be attempted", "do not need to resend",
	"not be delivered yet", "delivery is delayed", "will keep trying", "message delayed", "(delay)",
	"verzögert", "noch nicht zugestellt", "a été retardé", "se ha retrasado", "foi adiada", "è in ritardo", "vertraagd",
	"opóźni", "задержива", "еще не доставлен", "遅延し", "遅れて", "延迟", "延遲",
}

// returnMarks begin the line in front of the returned message, behind any
// hyphens and spaces.
var returnMarks = []string{
	"original message", "below this line", "this is a copy", "this is the original", "message headers follow",
	"unsent message follows", "message header follows", "returned message", "the header of the original",
	"header of the original", "included is a copy", "below is a copy", "message text follows", "return-path:",
	"return-path :", "received:", "begin forwarded", "start of returned", "returned mail follows", "a copy of the",
	"the original message follows", "original mail as follows", "the attachment contains the original", "a copy of your",
	"message body follows", "your original message", "content of your message", "undelivered message", "the body of",
	"------", "original-headers", "content-type: message/rfc822", "content-type: text/rfc822-headers", "the text of the message", "message follows",
}

// openers stand in front of the addresses that failed. What is named
// before is somebody else: Exim has the author there.
var openers = []string{
	"following address", "following recipient", "following user", "following destination", "following mailbox",
	"following e-mail", "following email", "these recipients", "list of recipients", "affected recipients",
	"recipients were affected", "addresses had", "recipients had", "address(es)", "addresses failed",
}
