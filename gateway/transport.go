package gateway

import (
	"context"
	"io"
)

// Transport hands copies to other hosts. It is safe for concurrent use.
type Transport interface {
	// Deliver sends what next hands out to the host that route names, as many
	// at a time as it has connections, and returns when nothing is left and
	// Settle had a Status for every recipient. When ctx ends, what is not sent
	// yet is Transient.
	//
	// next is called for one Shipment at a time, from any goroutine, and must
	// not block. It returns nil when there is none. left is how many it will
	// return after that.
	Deliver(ctx context.Context, route string, next func() (s *Shipment, left int))
}

// Shipment is one transaction: what goes out, and who hears how it went.
type Shipment struct {
	// Delivery tells ReversePath, Recipients, XVERP and Envelope; nothing else
	// of it is read.
	Delivery *Delivery

	// Content makes the copy when its turn to go has come. An error is the
	// caller's own affair: nothing goes out and nothing is settled. A nil
	// function makes the transaction a callout, which asks whether the host
	// would take the recipients and sends nothing.
	Content func() (Content, error)

	// Settle takes statuses for the recipients, in their order, whatever happens: a
	// connection that breaks is a Transient status. If a host takes only some of the
	// recipients in one transaction, the others go in the next one: Settle is called
	// for each transaction, one after the other, with nil for the recipients that
	// another one settles.
	//
	// It has the outcomes made durable and may return before they are. It calls settled
	// once they are, for the last ones after Deliver has returned. Until then they count
	// as one of the two messages that a connection may have in progress, so that after a
	// crash no more than two copies for each connection go out again.
	Settle func(statuses []*Status, settled func())
}

// Intake is what an LMTP server asks, from many sessions at a time.
type Intake interface {
	// Recipient is asked at RCPT, before the recipient is added to envelope.
	// nil accepts it; any error is replied through AsStatus.
	Recipient(ctx context.Context, client Client, envelope *Envelope, to Recipient) error

	// Message is asked when the content begins. content is framed, unstuffed
	// and has CRLF line ends; it is read to io.EOF or returned from early. An
	// error of content means that the client is gone or broke the framing. It
	// returns one Status for each of envelope.Recipients, in their order.
	// Success takes responsibility.
	Message(ctx context.Context, client Client, envelope *Envelope, content io.Reader) []*Status
}
