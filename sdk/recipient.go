package sdk

import (
	"strconv"

	"github.com/mmgw/mmgw/sdk/internal/abi"
	"github.com/mmgw/mmgw/sdk/wire"
)

// Recipient is the recipient at an index of a leg, or of a batch. Removing one renumbers
// those after it.
type Recipient int32

// RecipientCount is the number of recipients.
func (m *Message) RecipientCount() int { return recipientCount() }

// Recipients goes through the recipients. To remove some of them, count down from
// RecipientCount instead.
func (m *Message) Recipients(yield func(Recipient) bool) { eachRecipient(yield) }

// AddRecipient adds a recipient at the end. It needs the capability recipients, and also
// relay unless the address is of a list or a forward domain.
func (m *Message) AddRecipient(address string) error { return check(abi.RcptAdd(address)) }

func recipientCount() int { return max(0, int(abi.RcptCount())) }

func eachRecipient(yield func(Recipient) bool) {
	for i := 0; i < recipientCount(); i++ {
		if !yield(Recipient(i)) {
			return
		}
	}
}

// Address is the forward-path, "" if there is none or the module may not see it.
func (r Recipient) Address() string {
	address, _ := text(func(buf []byte) int32 { return abi.RcptGet(int32(r), buf) })
	return address
}

// Get returns a key of the recipient, and whether it has one: "service",
// "list", "detail" or "original".
func (r Recipient) Get(key string) (string, bool) {
	return Get("rcpt." + strconv.Itoa(int(r)) + "." + key)
}

// Remove removes the recipient.
func (r Recipient) Remove() error { return check(abi.RcptRemove(int32(r))) }

// Redirect sends the recipient's mail to another address.
func (r Recipient) Redirect(address string) error { return r.set("redirect", address) }

// SetReversePath gives the recipient's copy a reverse-path of its own, in a plan. It may
// have placeholders (Message.SetHeaderTemplate).
func (r Recipient) SetReversePath(path string) error { return r.set("mail_from", path) }

// SetNotify sets the NOTIFY parameter of RFC 3461: "never", or some of
// "success,failure,delay".
func (r Recipient) SetNotify(notify string) error { return r.set("notify", notify) }

// SetHeader gives the recipient's copy a field of its own, in a plan. It may have
// placeholders.
func (r Recipient) SetHeader(name, value string) error { return r.set("header."+name, value) }

func (r Recipient) set(key, value string) error { return check(abi.RcptSet(int32(r), key, value)) }

// Accept takes the message for this recipient, whatever is decided on the rest.
func (r Recipient) Accept() error { return r.decide(wire.Accept, 0, "", "") }

// Reject refuses this recipient for good; see Message.Reject.
func (r Recipient) Reject(code int, enhanced, text string) error {
	return r.decide(wire.Reject, code, enhanced, text)
}

// Defer refuses this recipient for the time being; see Message.Defer.
func (r Recipient) Defer(code int, enhanced, text string) error {
	return r.decide(wire.Defer, code, enhanced, text)
}

// Discard throws the message away for this recipient.
func (r Recipient) Discard() error { return r.decide(wire.Discard, 0, "", "") }

func (r Recipient) decide(action, code int, enhanced, text string) error {
	return check(abi.RcptVerdict(int32(r), int32(action), int32(code), enhanced, text))
}
