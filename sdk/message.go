package sdk

import (
	"github.com/mmgw/mmgw/sdk/internal/abi"
	"github.com/mmgw/mmgw/sdk/wire"
)

// Message is the message that a handler was called for, with the recipients of
// one leg: of one list, or of one forward route. It holds no state of its own
// and means nothing outside the call.
//
// Edits are seen by later reads of the same call. They apply together when the
// handler returns nil, and not at all otherwise.
type Message struct{}

// Service is what the leg's recipients stand for: post, owner, join, leave,
// request, confirm, bounces or forward. It is "post" where a call has no
// recipients, as in outgoing handlers.
func (m *Message) Service() string {
	if service, ok := Get("rcpt.0.service"); ok {
		return service
	}
	return "post"
}

// ReversePath is the envelope's reverse-path, "" for the null one.
func (m *Message) ReversePath() string {
	path, _ := Get("env.mail_from")
	return path
}

// SetRoute sends the leg by a route that the configuration names.
func (m *Message) SetRoute(name string) error { return Set("route", name) }

// Accept takes the message without asking further handlers.
func (m *Message) Accept() error { return m.decide(wire.Accept, 0, "", "") }

// Reject refuses the message for good. code is 5xx, or 0 for 550; enhanced is
// like "5.7.1", or "" for the usual one. text is what the sender reads.
func (m *Message) Reject(code int, enhanced, text string) error {
	return m.decide(wire.Reject, code, enhanced, text)
}

// Defer refuses the message for the time being. code is 4xx, or 0 for 451.
func (m *Message) Defer(code int, enhanced, text string) error {
	return m.decide(wire.Defer, code, enhanced, text)
}

// Discard accepts the message and throws it away.
func (m *Message) Discard() error { return m.decide(wire.Discard, 0, "", "") }

// Hold accepts the message and keeps it for an owner, who reads text as the
// reason.
func (m *Message) Hold(text string) error { return m.decide(wire.Hold, 0, "", text) }

// decide sets the verdict; the last one counts.
func (m *Message) decide(action, code int, enhanced, text string) error {
	return check(abi.Verdict(int32(action), int32(code), enhanced, text))
}
