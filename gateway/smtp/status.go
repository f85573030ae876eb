package smtp

import (
	"fmt"

	"github.com/mmgw/mmgw/gateway"
)

// Statuses that a server did not give. All but the refusals of a recipient by
// what the server offers are Transient.
var (
	codeNoAnswer    = gateway.EnhancedCode{4, 4, 1}  // no answer from host
	codeConnection  = gateway.EnhancedCode{4, 4, 2}  // bad connection
	codeProtocol    = gateway.EnhancedCode{4, 5, 0}  // protocol status
	codeNoSecurity  = gateway.EnhancedCode{4, 7, 4}  // security features not supported
	codeCryptograph = gateway.EnhancedCode{4, 7, 5}  // cryptographic failure
	codeCredentials = gateway.EnhancedCode{4, 7, 8}  // authentication credentials invalid
	codeClearAuth   = gateway.EnhancedCode{4, 7, 11} // encryption required for the mechanism
)

// transient makes a Status of class Transient with a public text and a
// private cause.
func transient(code gateway.EnhancedCode, text string, cause error) *gateway.Status {
	return &gateway.Status{Code: 451, Enhanced: code, Text: text, Cause: cause}
}

// unwelcome is the Status of a server that refuses what comes before MAIL. It
// is Transient whatever the server's class: the refusal is about us, not
// about a recipient.
func unwelcome(code gateway.EnhancedCode, at string, answer reply) *gateway.Status {
	return transient(code, fmt.Sprintf("the next hop refused %s: %s", at, answer), nil)
}

// tooMany is "too many recipients" (RFC 3463, X.5.3).
var tooMany = gateway.EnhancedCode{4, 5, 3}

// Refusals by what the server does not offer.
var (
	errNeedsUTF8 = &gateway.Status{
		Code: 550, Enhanced: gateway.EnhancedCode{5, 6, 7},
		Text: "the message needs SMTPUTF8, which the next hop does not offer",
	}
	errNeeds8Bit = &gateway.Status{
		Code: 550, Enhanced: gateway.EnhancedCode{5, 6, 3},
		Text: "the message needs 8BITMIME, which the next hop does not offer",
	}
	errTooLarge = &gateway.Status{
		Code: 552, Enhanced: gateway.EnhancedCode{5, 3, 4},
		Text: "the message is larger than the next hop takes",
	}
)

// recipientStatus is the outcome of a refused RCPT. 552 for "too many
// recipients" is 452 in truth (RFC 5321, section 4.5.3.1.10).
func (c *Conn) recipientStatus(answer reply) *gateway.Status {
	status := c.status(answer)
	if code, _ := answer.enhanced(); status.Code == 552 &&
		(code == gateway.EnhancedCode{} || code == gateway.EnhancedCode{5, 5, 3}) {
		status.Code, status.Enhanced = 452, tooMany
	}
	return status
}

// finalStatus is what LMTP says of a recipient after the final dot. A lax server
// that names no mailbox there, and took it a moment ago, has a fault: the RCPT of
// the next attempt shows whether the mailbox has gone.
func (c *Conn) finalStatus(answer reply) *gateway.Status {
	if code, _ := answer.enhanced(); c.isLax() && answer.code == 550 && code == (gateway.EnhancedCode{}) {
		return transient(codeProtocol, fmt.Sprintf("the next hop refused at the final dot whom it took at RCPT: %s", answer), nil)
	}
	return c.status(answer)
}

// status is a reply as the server's own word.
func (c *Conn) status(answer reply) *gateway.Status {
	status := answer.status()
	status.Host = c.host
	return status
}
