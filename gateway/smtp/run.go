package smtp

import (
	"slices"

	"github.com/mmgw/mmgw/gateway"
)

// Feed is what a connection sends, and who hears what became of it.
type Feed interface {
	// Next returns the next parcel, nil when there is none for this connection
	// now. It does not wait for one. behind says that the parcel is to wait behind
	// the final dot of another, where no callout should.
	Next(behind bool) *Parcel

	// Done takes back a parcel that Next returned: one that is settled, or that is
	// to go again, by whichever connection takes it.
	Done(p *Parcel, again bool)
}

// Parcel is a Shipment, or what is left of one.
type Parcel struct {
	gateway.Shipment
	Aged int // connections in a row that were too old for it

	content gateway.Content // once it is made
	places  []int           // of the recipients that are not settled, once it was sent
}

// open makes the content, once. An error says that there is nothing to be sent.
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

// settle settles the recipients that have a status, parallel to places, and
// keeps the others.
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

// Run sends what feed has, one transaction each, until feed has nothing more or
// the connection cannot go on, which Usable tells. One goroutine runs a
// connection at a time.
//
// Where the server offers PIPELINING the next envelope goes after the final dot
// of a message. No content goes out while two messages of the connection are not
// answered or not settled.
//
// A parcel is done to go again if it has recipients that the server takes no more
// of in one transaction; or if the server took nothing of it for a reason that lies
// in the connection's age: it had ended, or answered MAIL with 421 or 452 after
// earlier messages. It may go by a new connection at once, agedMax times in a row.
// The first parcel of a connection never goes again for its age.
func (c *Conn) Run(feed Feed) {
	r := &run{conn: c, feed: feed}
	for t := r.begin(false); t != nil; t = r.next() {
		t.run(r.follow)
		r.end(t)
	}
}

// agedMax is more than one because a restart of a server makes every open
// connection one that is too old.
const agedMax = 4

// run is one Run.
type run struct {
	conn     *Conn
	feed     Feed
	follower *transaction // that comes next, begun after a final dot
}

// next is the transaction that was begun, or a new one.
func (r *run) next() *transaction {
	if t := r.follower; t != nil {
		r.follower = nil
		return t
	}
	return r.begin(false)
}

// begin is a new transaction, nil where there is none to be made. What the server
// cannot take at all is settled by that.
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

// end hands over what became of t.
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

// follow is the envelope that goes after a final dot: that of the next
// transaction, where it may go there. A callout may not, for it might be given up
// together with the message before it.
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

// group is commands as they go in one write.
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
