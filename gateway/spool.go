package gateway

import (
	"context"
	"errors"
	"iter"
	"time"
)

// Spool holds accepted messages and what is still to be done with them. Each
// method that changes it is atomic and durable when it returns without error.
// A failing disk gives a Status of class Transient. It is safe for concurrent use.
type Spool interface {
	// Begin starts a message that came at now: it returns its id, and a writer for its
	// content. A content of any size costs bounded memory. Mail of our own, such as a
	// report, is taken even while there is too little room for other mail.
	Begin(now time.Time, own bool) (QueueID, ContentWriter, error)

	// Accept takes responsibility for m, whose Content came from Begin. It
	// returns the indices of legs that were accepted within DuplicateWindow
	// before, from the same reverse-path and with the same Digest: those are
	// not stored again.
	Accept(ctx context.Context, m *Message) (duplicates []int, err error)

	// Load returns a message with its legs as they are now. A content that is not as
	// it was written is set aside, and is an error.
	Load(id QueueID) (*Message, error)

	// Batch returns one batch with the outcomes it has so far.
	Batch(key BatchKey) (*Batch, error)

	// Commit makes t durable. A message with nothing left to do is removed.
	Commit(ctx context.Context, t Transition) error

	// Entries is all that is to be done, in the order of the messages. A record that
	// cannot be read yields an error, and the rest follows.
	Entries() iter.Seq2[Entry, error]
}

// DuplicateWindow is how long an accepted (leg, reverse-path, digest) is remembered: the
// same again within it is the MTA's second try, after a reply that it did not get.
const DuplicateWindow = 24 * time.Hour

// ErrNotSpooled says that there is no such message or batch.
var ErrNotSpooled = errors.New("not in the spool")

// BatchKey names a batch.
type BatchKey struct {
	Message QueueID
	Leg     int
	Number  int
}

// Key of the batch.
func (b *Batch) Key() BatchKey { return BatchKey{b.Message, b.Leg, b.Number} }

// Transition is one step of one leg. Zero parts change nothing.
type Transition struct {
	Message  QueueID
	Leg      int
	State    *Leg         // the leg's new state
	Batches  []*Batch     // new ones, or ones with a new Attempt and Due; one without a pending recipient goes
	Outcomes []LegOutcome // of deliveries of batches that stay as they are
}

// LegOutcome is what became of one delivery.
type LegOutcome struct {
	Batch, Delivery int
	Outcomes        []Outcome
}

// Entry is one piece of work: a leg to be expanded if Batch is ExpandLeg, else a batch
// to be delivered.
type Entry struct {
	Message    QueueID
	Leg        int
	Batch      int
	List       ListID // "" for a forward route; lists take turns
	Route      string // of a batch, where its first pending delivery goes: see Delivery.Route
	Recipients int    // of a batch, settled or not
	Stage      Stage
	Priority   int
	Attempt    int
	Due        time.Time
	Expires    time.Time
	Fault      string // of ours, for which it was put off; it is not stored
}

// ExpandLeg stands for the batch number of an Entry that is a leg to be expanded.
const ExpandLeg = -1

// Priorities of entries: lower ones go first.
const (
	PriorityBounce = -20 // bounces and DSNs
	PriorityOwner  = -10 // mail for owners
	PriorityPost   = 0
)

// Priority of the entries of a leg, before a plan moves it.
func (s Service) Priority() int {
	switch s {
	case Bounces, Relay:
		return PriorityBounce
	case Post, Forward:
		return PriorityPost
	}
	return PriorityOwner
}
