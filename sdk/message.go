package sdk

import (
	"github.com/mmgw/mmgw/sdk/internal/abi"
	"github.com/mmgw/mmgw/sdk/wire"
)

// Message is the message that a handler was called for, with the recipients of one leg:
// those of one list, or of one forward route. It must not be used after the call.
//
// Later reads of the same call see its edits. They apply together if the handler returns
// nil, and not at all otherwise.
type Message struct{}

// Service is what the message was sent to: post, owner, join, leave, request, confirm,
// bounces or forward. It is "post" if a call has no recipients, as in outgoing handlers.
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

// SetRoute sends the leg by a route of the configuration.
func (m *Message) SetRoute(name string) error { return Set("route", name) }

// Accept accepts the message without calling further handlers.
func (m *Message) Accept() error { return m.decide(wire.Accept, 0, "", "") }

// Reject refuses the message permanently. code is 5xx, or 0 for 550. enhanced is a code
// such as "5.7.1", or "" for the usual one. text is for the sender.
func (m *Message) Reject(code int, enhanced, text string) error {
	return m.decide(wire.Reject, code, enhanced, text)
}

// Defer refuses the message temporarily. code is 4xx, or 0 for 451.
func (m *Message) Defer(code int, enhanced, text string) error {
	return m.decide(wire.Defer, code, enhanced, text)
}

// Discard accepts the message and drops it.
func (m *Message) Discard() error { return m.decide(wire.Discard, 0, "", "") }

// Hold accepts the message and keeps it until a moderator decides. text is the reason that
// the moderator reads.
func (m *Message) Hold(text string) error { return m.decide(wire.Hold, 0, "", text) }

// decide sets the verdict; the last one counts.
func (m *Message) decide(action, code int, enhanced, text string) error {
	return check(abi.Verdict(int32(action), int32(code), enhanced, text))
}
