package gateway

import "net/netip"

// BodyType is the BODY parameter of MAIL (RFC 6152).
type BodyType string

// The body types that are taken. Content may hold octets above 127 under
// either: some MTAs never say 8BITMIME.
const (
	Body7Bit     BodyType = "7BIT"
	Body8BitMIME BodyType = "8BITMIME"
)

// Return is the RET parameter of MAIL (RFC 3461, section 4.3): how much of a
// message a bounce returns. "" leaves it to us.
type Return string

// The values of RET.
const (
	ReturnFull    Return = "FULL"
	ReturnHeaders Return = "HDRS"
)

// Notify is the NOTIFY parameter of RCPT (RFC 3461, section 4.1), a set.
// Zero means that none was given: bounces and delays are reported.
type Notify uint8

// The members of a Notify. Never stands alone.
const (
	NotifyNever Notify = 1 << iota
	NotifySuccess
	NotifyFailure
	NotifyDelay
)

// Recipient is one forward-path of an envelope.
type Recipient struct {
	Path     ForwardPath
	Original string // ORCPT as it came ("rfc822;anne@example.com"), else ""
	Notify   Notify
	Name     string // the member's display name where one is known
}

// Envelope is what MAIL and RCPT said.
type Envelope struct {
	ReversePath ReversePath
	Recipients  []Recipient
	BodyType    BodyType
	SMTPUTF8    bool
	EnvelopeID  string // ENVID (RFC 3461, section 4.4), decoded
	Return      Return
}

// Client is who handed a message to the MTA in front of us, as far as a
// trusted peer told. Unknown parts are zero. Peer alone speaks of the MTA.
type Client struct {
	Addr netip.Addr
	Name string // its verified host name
	Helo string // what it said in HELO or EHLO
	Peer string // what the MTA in front of us said in LHLO
}
