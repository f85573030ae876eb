package gateway

import (
	"context"
	"io"
)

// Transport hands copies to other hosts. It is safe for concurrent use.
type Transport interface {
	// Deliver sends content as one transaction and hands one Status for each
	// of d.Recipients to settle, in their order and once, whatever happens: a
	// connection that breaks is a Transient status. nil stands for a recipient
	// beyond those that the host takes in one transaction, which is left for
	// another; not all are nil. d.Envelope tells the parameters.
	//
	// settle makes the outcomes durable. Until it returns they count as one of
	// the two messages that a connection may have under way, so that a crash
	// makes no more than two copies for each connection go out again.
	Deliver(ctx context.Context, d *Delivery, content Content, settle func([]*Status))
}

// Intake is what an LMTP server asks, from many sessions at a time.
type Intake interface {
	// Recipient is asked at RCPT, before the recipient is added to envelope.
	// nil accepts it; any error is replied through AsStatus.
	Recipient(ctx context.Context, client Client, envelope *Envelope, to Recipient) error

	// Message is asked when the content begins. content is framed, unstuffed
	// and has CRLF line ends; it is read to io.EOF or returned from early. An
	// error of content means that the client is gone or broke the framing. It returns one Status for each of
	// envelope.Recipients, in their order. Success takes responsibility.
	Message(ctx context.Context, client Client, envelope *Envelope, content io.Reader) []*Status
}
