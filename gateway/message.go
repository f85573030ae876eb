package gateway

import (
	"cmp"
	"time"
)

// Message is one accepted transaction: a content and the legs it goes by.
type Message struct {
	ID       QueueID
	Received time.Time
	Client   Client
	Envelope Envelope
	Content  Content
	Digest   [32]byte // SHA-256 of the content as it was received and normalised
	Legs     []Leg
}

// Stage says how far a leg has come. The numbers are stored.
type Stage uint8

// The stages of a leg, in their order.
const (
	StageAccepted  Stage = iota // committed, outgoing handlers have not run
	StageExpanding              // outgoing edits are committed, batches are being planned
	StageExpanded               // every recipient is in a batch or settled
	StageHeld                   // waits for an owner: see Leg.Reason
	StageDone                   // nothing is left to do
)

// Leg is the recipients of a message that share one list and service, or one
// forward route, and so one chain of handlers. Verdicts and edits belong to it.
type Leg struct {
	Service    Service
	List       ListID // "" for Forward
	Forward    string // name of the forward route
	Recipients []RecipientID
	Details    []string    // of each recipient, what followed the delimiter
	Added      []Recipient // by incoming handlers
	Edits      []Edit      // of incoming handlers, then of outgoing ones
	Handlers   []string    // name@digest of each module that handled or planned the leg, for the record
	Route      string      // chosen by a handler, "" for the usual one
	PostNumber uint64      // of the list, counted from 1, for Post
	Stage      Stage
	Reason     string // why it is held
	Released   bool   // it was held, and somebody let it go on
	Cursor     Cursor // where expansion goes on
	Batches    int    // planned so far
}

// RecipientsOf are the recipients of the envelope that a leg is for.
func (m *Message) RecipientsOf(leg *Leg) []Recipient {
	all := make([]Recipient, len(leg.Recipients))
	for i, id := range leg.Recipients {
		all[i] = m.Envelope.Recipients[id]
	}
	return all
}

// Whose says for people whose mail a leg is: the id of its list, or the name of its
// forward route. Mail of the gateway's own has "".
func (l *Leg) Whose() string { return cmp.Or(string(l.List), l.Forward) }
