package relay

import (
	"bufio"
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/smtp"
)

// hop is a next hop on pipes: what it did and what it is to do.
type hop struct {
	hello      string // of EHLO, "PIPELINING" say
	mailsMax   int    // then 452 at MAIL; 0: no limit
	busy       bool   // 421 at MAIL
	silent     bool   // and without the 421
	rcptsMax   int    // of a message, then 452 at RCPT; 0: no limit
	refused    bool   // connections
	greeting   string // "" is a 220
	hang       string // the verb that gets no answer
	dropAtIdle bool   // closes after each final reply
	hesitant   func() // before the greeting
	slow       func() // before the final reply

	mu       sync.Mutex
	dials    int
	open     int
	openMost int
	messages int
	perConn  []int
}

// dial is the seam that a Relay connects by.
func (h *hop) dial(context.Context, string, string) (net.Conn, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.dials++
	if h.refused {
		return nil, errors.New("connection refused")
	}
	ours, theirs := net.Pipe()
	h.open++
	h.openMost = max(h.openMost, h.open)
	h.perConn = append(h.perConn, 0)
	number, hesitant := len(h.perConn)-1, h.hesitant
	go func() {
		if hesitant != nil {
			hesitant()
		}
		h.serve(theirs, number)
	}()
	return ours, nil
}

func (h *hop) serve(conn net.Conn, number int) {
	gone := sync.OnceFunc(func() { // from the first octet of a 221 on
		h.mu.Lock()
		h.open--
		h.mu.Unlock()
	})
	defer gone()
	defer conn.Close()
	r, w := bufio.NewReader(conn), bufio.NewWriter(conn)
	say := func(line string) { w.WriteString(line + "\r\n") }
	if h.greeting != "" {
		say(h.greeting)
		w.Flush()
		return
	}
	say("220 hop")
	mails, rcpts, mailed := 0, 0, false
	for {
		if r.Buffered() == 0 && w.Flush() != nil {
			return
		}
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		verb, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		if h.stops(verb, r, w) {
			return
		}
		switch verb {
		case "EHLO", "LHLO":
			say("250-hop")
			say("250 " + h.hello)
		case "MAIL":
			if mails++; h.mailsMax > 0 && mails > h.mailsMax {
				say("452 4.5.3 too many messages")
				continue
			}
			rcpts, mailed = 0, true
			say("250 ok")
		case "RCPT":
			if strings.Contains(line, "gone@") {
				say("550 5.1.1 gone")
				continue
			}
			if rcpts++; h.rcptsMax > 0 && rcpts > h.rcptsMax {
				say("452 4.5.3 too many recipients")
				continue
			}
			say("250 2.1.5 ok")
		case "DATA":
			if !mailed {
				say("503 5.5.1 MAIL first")
				continue
			}
			mailed = false
			if !h.take(r, w, number) {
				return
			}
		case "QUIT":
			gone()
			say("221 bye")
			w.Flush()
			return
		default:
			say("250 ok")
		}
	}
}

// stops says whether a command is the last one, and answers it where it is.
func (h *hop) stops(verb string, r *bufio.Reader, w *bufio.Writer) bool {
	h.mu.Lock()
	busy := h.busy && verb == "MAIL"
	h.mu.Unlock()
	switch {
	case busy && h.silent:
	case busy:
		w.WriteString("421 4.3.2 too busy\r\n")
		w.Flush()
	case verb == h.hang:
		_, _ = r.ReadString(0)
	}
	return busy || verb == h.hang
}

// take answers DATA and takes the content. false ends the connection.
func (h *hop) take(r *bufio.Reader, w *bufio.Writer, number int) bool {
	w.WriteString("354 go\r\n")
	w.Flush()
	for line := ""; line != ".\r\n"; {
		var err error
		if line, err = r.ReadString('\n'); err != nil {
			return false
		}
	}
	if h.slow != nil {
		h.slow()
	}
	h.mu.Lock()
	h.messages++
	h.perConn[number]++
	h.mu.Unlock()
	w.WriteString("250 2.0.0 queued\r\n")
	if h.dropAtIdle {
		w.Flush()
		return false
	}
	return true
}

func smtpTarget(address string) Target {
	return Target{Network: "tcp", Address: address, Protocol: smtp.SMTP}
}

func (h *hop) relay(o Options) *Relay {
	o.Hostname, o.DialContext = "us.example", h.dial
	o.Targets = map[string]Target{"": smtpTarget("hop.example:25")}
	return New(o)
}

var (
	content  = gateway.Bytes("Subject: x\r\n\r\nbody\r\n")
	delivery = &gateway.Delivery{
		ReversePath: "list-bounces@us.example",
		Recipients:  []gateway.Recipient{{Path: "anne@example.com"}},
	}
)

// send delivers one message and wants it to succeed.
func send(t *testing.T, r *Relay) {
	t.Helper()
	for _, status := range deliver(t.Context(), r, delivery) {
		if status.Class() != gateway.Success {
			t.Errorf("%v", status)
		}
	}
}

// deliver returns what Deliver settles.
func deliver(ctx context.Context, r *Relay, d *gateway.Delivery) []*gateway.Status {
	all := make([]*gateway.Status, len(d.Recipients))
	r.Deliver(ctx, d.Route, shipments(1, d, func(statuses []*gateway.Status, settled func()) {
		for i, status := range statuses {
			if status != nil {
				all[i] = status
			}
		}
		settled()
	}))
	return all
}

// settleAtOnce looks at no status and waits for no disk.
func settleAtOnce(_ []*gateway.Status, settled func()) { settled() }

// shipments hands d out n times.
func shipments(n int, d *gateway.Delivery, settle func([]*gateway.Status, func())) func() (*gateway.Shipment, int) {
	s := &gateway.Shipment{Delivery: d, Content: func() (gateway.Content, error) { return content, nil }, Settle: settle}
	return func() (*gateway.Shipment, int) {
		if n--; n < 0 {
			return nil, 0
		}
		return s, n
	}
}
