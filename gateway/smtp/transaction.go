package smtp

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/mmgw/mmgw/gateway"
)

// transaction is one try at a parcel.
type transaction struct {
	conn     *Conn
	parcel   *Parcel
	delivery *gateway.Delivery     // of the recipients that it is for
	body     gateway.ContentReader // nil for a callout, or if nothing can be sent
	size     int64                 // of the content, as RFC 1870 counts it
	limit    time.Time

	reverse gateway.ReversePath   // parsed
	paths   []gateway.ForwardPath // parsed, parallel to the recipients
	utf8    bool                  // MAIL says SMTPUTF8

	xverp string // the delimiters that MAIL names for XVERP

	sent []command // the envelope, if it has followed the final dot before

	statuses []*gateway.Status // parallel to the recipients; nil: open
	left     []bool            // parallel to the recipients: left for another transaction
	open     []int             // recipients that RCPT is sent for
	accepted []int             // recipients that RCPT accepted

	callout  bool // it ends after RCPT
	first    bool // on its connection
	mailed   bool // MAIL was accepted
	goAhead  bool // DATA was accepted
	answered bool // the server has replied to a command of this transaction
	again    bool // the parcel goes again, because of the connection's age
	counted  bool // it holds a place of Conn.unsettled
}

// newTransaction checks what can be known before MAIL, and settles the recipients that the
// server cannot take.
func (c *Conn) newTransaction(p *Parcel) *transaction {
	d := p.Delivery.Only(p.places)
	t := &transaction{
		conn:     c,
		parcel:   p,
		delivery: d,
		callout:  p.content == nil,
		paths:    make([]gateway.ForwardPath, len(d.Recipients)),
		statuses: make([]*gateway.Status, len(d.Recipients)),
		left:     make([]bool, len(d.Recipients)),
	}
	t.parsePaths()
	t.addMember()
	t.checkContent(p.content)
	for i, status := range t.statuses {
		if status == nil && !t.left[i] {
			t.open = append(t.open, i)
		}
	}
	t.keepLimits()
	return t
}

// checkContent opens the content, if the server can take it. A callout has none.
func (t *transaction) checkContent(content gateway.Content) {
	if t.callout {
		t.checkUTF8(gateway.Bytes(nil))
		return
	}
	t.size = content.Size()
	if parameter, ok := t.conn.Offers("SIZE"); ok {
		if most, err := strconv.ParseInt(parameter, 10, 64); err == nil && most > 0 && t.size > most {
			t.settleAll(errTooLarge)
		}
	}
	t.checkUTF8(content)
	t.check8Bit(content)
	var err error
	if t.body, err = content.Open(); err != nil {
		t.settleAll(gateway.Deferred(fmt.Errorf("open content: %w", err)))
	}
}

// close ends the reading of the content.
func (t *transaction) close() {
	if t.body != nil {
		t.body.Close()
	}
}

// parsePaths parses every address, whoever made the Delivery: other text could become
// parameters or commands on the wire.
func (t *transaction) parsePaths() {
	var err error
	if t.reverse, err = gateway.ParseReversePath(string(t.delivery.ReversePath)); err != nil {
		t.settleAll(gateway.Deferred(err))
	}
	for i := range t.paths {
		if t.paths[i], err = gateway.ParseForwardPath(string(t.delivery.Recipients[i].Path)); err != nil {
			t.settle(i, gateway.Deferred(err))
		}
	}
}

// addMember prepares XVERP. If the server does not offer it, it makes the reverse-path that
// the server would have made for one recipient, and leaves the others for later.
func (t *transaction) addMember() {
	delimiters := t.delivery.XVERP
	if delimiters == "" {
		return
	}
	if _, ok := t.conn.Offers("XVERP"); ok {
		t.xverp = delimiters
		return
	}
	first := true
	for i, path := range t.paths {
		if t.statuses[i] != nil {
			continue
		}
		if t.left[i] = !first; first {
			first = false
			t.reverse = gateway.ReversePath(t.reverse.Local() + delimiters[:1] + path.Local() + delimiters[1:] + path.Domain() + "@" + t.reverse.Domain())
		}
	}
	var err error
	if t.reverse, err = gateway.ParseReversePath(string(t.reverse)); err != nil {
		t.settleAll(gateway.Deferred(err))
	}
}

// checkUTF8 decides on SMTPUTF8 (RFC 6531, section 3.2), which addresses and headers with
// octets above 127 need. If it is needed but not offered, the recipients concerned are
// refused.
func (t *transaction) checkUTF8(content gateway.Content) {
	_, offered := t.conn.Offers("SMTPUTF8")
	needed := !t.reverse.IsASCII()
	if t.delivery.Envelope.SMTPUTF8 && !needed {
		needed = offered || !hasASCIIHeader(content)
	}
	if needed && !offered {
		t.settleAll(errNeedsUTF8)
	}
	for i, path := range t.paths {
		if t.statuses[i] != nil || path.IsASCII() {
			continue
		}
		if needed = true; !offered {
			t.settle(i, errNeedsUTF8)
		}
	}
	t.utf8 = needed && offered
}

// check8Bit refuses content that a server without 8BITMIME must not get (RFC 6152, section
// 3). Converting it would break its signatures.
func (t *transaction) check8Bit(content gateway.Content) {
	if _, offered := t.conn.Offers("8BITMIME"); !offered && has8Bit(content) {
		t.settleAll(errNeeds8Bit)
	}
}

// has8Bit looks for octets above 127. It returns false for content that cannot be read,
// which fails when it is sent.
func has8Bit(content gateway.Content) bool {
	r, err := content.Open()
	if err != nil {
		return false
	}
	defer r.Close()
	block := make([]byte, 8<<10)
	for {
		n, err := r.Read(block)
		if slices.ContainsFunc(block[:n], func(c byte) bool { return c > 127 }) {
			return true
		}
		if err != nil {
			return false
		}
	}
}

// hasASCIIHeader says whether the header of content is ASCII. It returns false if the header
// does not end within the limit, or cannot be read.
func hasASCIIHeader(content gateway.Content) bool {
	r, err := content.Open()
	if err != nil {
		return false
	}
	defer r.Close()
	header, err := io.ReadAll(io.LimitReader(r, gateway.HeaderBytesMax))
	if err != nil {
		return false
	}
	end := bytes.Index(header, []byte("\r\n\r\n"))
	switch {
	case end >= 0:
		header = header[:end]
	case len(header) == gateway.HeaderBytesMax:
		return false
	}
	return bytes.IndexFunc(header, func(r rune) bool { return r > '~' }) < 0
}

func (t *transaction) settle(i int, status *gateway.Status) {
	if t.statuses[i] == nil {
		t.statuses[i] = status
	}
}

// settleAll gives status to every recipient that has none. A permanent one does not apply to
// those that are left for another transaction.
func (t *transaction) settleAll(status *gateway.Status) {
	for i := range t.statuses {
		if !t.left[i] || status.Class() == gateway.Transient {
			t.settle(i, status)
		}
	}
}

// lose ends the connection and settles all that is open with a Transient status. The message
// may go again at once if an older connection ended before the server had replied to any of
// it. The server counts as unwelcoming if it ended a new connection, but not if we aborted
// that ourselves, nor after a timeout: these take so long that they cannot come in quick
// succession.
func (t *transaction) lose(at string, err error) {
	code, text := codeConnection, "the connection to the next hop was lost at "+at
	aborted := t.conn.Broken()
	switch {
	case aborted:
		text, err = "the connection to the next hop was given up at "+at, errAborted
	case errors.Is(err, errReply):
		code, text = codeProtocol, "the next hop broke the protocol at "+at
	}
	t.conn.Abort()
	t.again = t.again || !t.answered && !t.first
	status := transient(code, text, err)
	if t.first && !t.mailed && !aborted && !errors.Is(err, os.ErrDeadlineExceeded) {
		t.conn.unwelcome = status
	}
	t.settleAll(status)
}

// closing ends the connection after a 421, which may answer any command (RFC 5321, section
// 3.8), and settles all that is open with it.
func (t *transaction) closing(answer reply) {
	t.conn.Abort()
	t.again = t.again || !t.answered && !t.first
	status := t.conn.status(answer)
	if t.first && !t.mailed {
		t.conn.unwelcome = status
	}
	t.settleAll(status)
}
