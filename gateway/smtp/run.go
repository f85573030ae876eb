package smtp

import (
	"slices"

	"github.com/mmgw/mmgw/gateway"
)

// Feed supplies what a connection sends, and takes it back.
type Feed interface {
	// Next returns the next parcel, or nil if there is none for this connection now.
	// It does not wait for one. behind says that the parcel will have to wait for
	// another that has just been sent, which a callout should not.
	Next(behind bool) *Parcel

	// Done takes back a parcel that Next returned. again says that it is not settled
	// yet and has to be sent again, by any connection.
	Done(p *Parcel, again bool)
}

// Parcel is a Shipment, or what is left of one.
type Parcel struct {
	gateway.Shipment
	Aged int // connections in a row that were too old for it

	content gateway.Content // once it is made
	places  []int           // indices of the recipients that are not settled, once it was opened
}

// open makes the content, once. After an error there is nothing to send.
func (p *Parcel) open() (err error) {
	if p.content == nil && p.Content != nil {
		p.content, err = p.Content()
	}
	if p.places == nil {
		p.places = make([]int, len(p.Delivery.Recipients))
		for i := range p.places {
			p.places[i] = i
		}
	}
	return err
}

// settle settles the recipients that have a status, and keeps the others. statuses are
// parallel to places.
func (p *Parcel) settle(statuses []*gateway.Status, settled func()) {
	all := statuses
	if len(p.places) < len(p.Delivery.Recipients) {
		all = make([]*gateway.Status, len(p.Delivery.Recipients))
	}
	var left []int
	for k, i := range p.places {
		if all[i] = statuses[k]; statuses[k] == nil {
			left = append(left, i)
		}
	}
	p.places = left
	p.Settle(all, settled)
}

// Refuse settles what is left of p with status.
func (p *Parcel) Refuse(status *gateway.Status) {
	if p.places == nil {
		p.Settle(slices.Repeat([]*gateway.Status{status}, len(p.Delivery.Recipients)), func() {})
		return
	}
	p.settle(slices.Repeat([]*gateway.Status{status}, len(p.places)), func() {})
}

// Run sends the parcels of feed, each in one transaction, until feed has nothing more or
// the connection cannot go on, which Usable tells. Only one goroutine may run a connection
// at a time.
//
// If the server offers PIPELINING the next envelope follows the final dot of a message. No
// content is sent while two messages of the connection are not answered or not settled.
//
// A parcel has to be sent again if the server does not take all its recipients in one
// transaction, or if the server took nothing of it because of the connection's age: it had
// ended, or MAIL was answered with 421 or 452 after earlier messages. Such a parcel can go
// by a new connection at once, at most agedMax times in a row. The first parcel of a
// connection is never sent again for its age.
func (c *Conn) Run(feed Feed) {
	r := &run{conn: c, feed: feed}
	for t := r.begin(false); t != nil; t = r.next() {
		t.run(r.follow)
		r.end(t)
	}
}

// agedMax is more than one because all open connections are too old after a restart of
// the server.
const agedMax = 4

// run is the state of one Run.
type run struct {
	conn     *Conn
	feed     Feed
	follower *transaction // the next one, begun after a final dot; nil: none was
}

// next is the transaction that was begun already, or a new one.
func (r *run) next() *transaction {
	if t := r.follower; t != nil {
		r.follower = nil
		return t
	}
	return r.begin(false)
}

// begin is a new transaction, or nil if there is none to make. Parcels that the server
// cannot take at all are settled here.
func (r *run) begin(behind bool) *transaction {
	for r.conn.Usable() {
		p := r.feed.Next(behind)
		if p == nil {
			return nil
		}
		if p.open() != nil {
			r.feed.Done(p, false)
			continue
		}
		t := r.conn.newTransaction(p)
		if len(t.open) > 0 {
			t.first = r.conn.begun == 0
			r.conn.begun++
			return t
		}
		r.end(t)
	}
	return nil
}

// end settles what t has settled, and gives its parcel back.
func (r *run) end(t *transaction) {
	t.close()
	p := t.parcel
	if t.again && p.Aged < agedMax {
		p.Aged++
		r.feed.Done(p, true)
		return
	}
	p.Aged = 0
	settled := func() {}
	if t.counted {
		settled = r.conn.unsettled.leave
	}
	p.settle(t.statuses, settled)
	r.feed.Done(p, len(p.places) > 0)
}

// follow is the envelope that follows a final dot: that of the next transaction, if it is
// small enough and not a callout, which would be lost together with the message before it.
func (r *run) follow() []byte {
	if !r.conn.Pipelines() {
		return nil
	}
	t := r.begin(true)
	if r.follower = t; t == nil || t.callout {
		return nil
	}
	commands := t.commands(false)
	octets := group(commands)
	if len(octets) > inlineBytesMax {
		return nil
	}
	t.sent = commands
	return octets
}

// group is commands as the octets of one write.
func group(commands []command) []byte {
	size := 0
	for _, cmd := range commands {
		size += len(cmd.line) + len("\r\n")
	}
	octets := make([]byte, 0, size)
	for _, cmd := range commands {
		octets = append(append(octets, cmd.line...), "\r\n"...)
	}
	return octets
}
