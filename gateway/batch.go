package gateway

import (
	"slices"
	"time"
)

// Batch is up to BatchRecipientsMax recipients of one leg with the plan of
// their transactions.
type Batch struct {
	Message    QueueID
	Leg        int // index in Message.Legs
	Number     int // counted from 0 in its leg
	Deliveries []Delivery
	Edits      []Edit // for every copy of the batch, templates included
	Priority   int
	Attempt    int // finished attempts
	Due        time.Time
	Expires    time.Time
}

// BatchRecipientsMax bounds a batch, so that a plan and its commit stay small
// whatever the size of the list.
const BatchRecipientsMax = 1000

// Delivery is one transaction: the recipients that get the same copy.
type Delivery struct {
	ReversePath ReversePath
	Recipients  []Recipient
	Outcomes    []Outcome // parallel to Recipients; nil before the first attempt
	Route       string    // "" is the upstream MTA, else a name of [route] or [[forward]]
	XVERP       string    // the two delimiters by which the host adds each recipient to ReversePath; "": it stays as it is
	Edits       []Edit    // of this copy, after those of the batch
	Envelope    Envelope  // BodyType, SMTPUTF8, EnvelopeID and Return; nothing else is read
}

// Route is that of the first delivery that is pending: the one a batch waits
// for. "" is also that of a batch with none.
func (b *Batch) Route() string {
	for i := range b.Deliveries {
		if b.Deliveries[i].Pending() {
			return b.Deliveries[i].Route
		}
	}
	return ""
}

// Pending says whether a recipient of b is still to be tried.
func (b *Batch) Pending() bool {
	return slices.ContainsFunc(b.Deliveries, func(d Delivery) bool { return d.Pending() })
}

// Size is how many recipients b has, settled or not.
func (b *Batch) Size() (n int) {
	for i := range b.Deliveries {
		n += len(b.Deliveries[i].Recipients)
	}
	return n
}

// Only is d with the recipients at some places.
func (d *Delivery) Only(places []int) *Delivery {
	if len(places) == len(d.Recipients) {
		return d
	}
	some := *d
	some.Recipients = make([]Recipient, len(places))
	for k, i := range places {
		some.Recipients[k] = d.Recipients[i]
	}
	return &some
}

// Outcome is what became of one recipient.
type Outcome struct {
	Status  *Status // nil: not tried yet
	Settled bool    // no further attempt will be made
}

// Pending says whether a recipient of d is still to be tried.
func (d *Delivery) Pending() bool {
	for i := range d.Recipients {
		if !d.isSettled(i) {
			return true
		}
	}
	return false
}

// Unsettled are the places of the recipients that are still to be tried.
func (d *Delivery) Unsettled() (places []int) {
	for i := range d.Recipients {
		if !d.isSettled(i) {
			places = append(places, i)
		}
	}
	return places
}

func (d *Delivery) isSettled(i int) bool { return i < len(d.Outcomes) && d.Outcomes[i].Settled }
