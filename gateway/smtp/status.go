package smtp

import (
	"fmt"

	"github.com/mmgw/mmgw/gateway"
)

// Enhanced codes of statuses that are ours, not the server's. These are all Transient.
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

// unwelcome is the Status for a server that refuses what comes before MAIL. It is
// Transient, whatever the class of the reply: the refusal is about us, not about a
// recipient.
func unwelcome(code gateway.EnhancedCode, at string, answer reply) *gateway.Status {
	return transient(code, fmt.Sprintf("the next hop refused %s: %s", at, answer), nil)
}

// tooMany is "too many recipients" (RFC 3463, X.5.3).
var tooMany = gateway.EnhancedCode{4, 5, 3}

// Refusals because of what the server does not offer. They are permanent.
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

// recipientStatus is the status for a refused RCPT. A 552 for "too many recipients" is
// taken as 452 (RFC 5321, section 4.5.3.1.10).
func (c *Conn) recipientStatus(answer reply) *gateway.Status {
	status := c.status(answer)
	if code, _ := answer.enhanced(); status.Code == 552 &&
		(code == gateway.EnhancedCode{} || code == gateway.EnhancedCode{5, 5, 3}) {
		status.Code, status.Enhanced = 452, tooMany
	}
	return status
}

// finalStatus is the status for an LMTP reply to the final dot. If a lax server gives a
// plain 550 for a recipient that it accepted a moment ago, the fault is its own: if the
// mailbox is really gone, the RCPT of the next attempt will tell.
func (c *Conn) finalStatus(answer reply) *gateway.Status {
	if code, _ := answer.enhanced(); c.isLax() && answer.code == 550 && code == (gateway.EnhancedCode{}) {
		return transient(codeProtocol, fmt.Sprintf("the next hop refused at the final dot a recipient that it accepted at RCPT: %s", answer), nil)
	}
	return c.status(answer)
}

// status is the Status for a reply, with the name of the server.
func (c *Conn) status(answer reply) *gateway.Status {
	status := answer.status()
	status.Host = c.host
	return status
}
