package relay

import (
	"bufio"
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mmgw/mmgw/gateway/smtp"
)

// moody is a target that misbehaves by chance, and what it knows of the mail.
type moody struct {
	*testing.T
	protocol       smtp.Protocol
	hello          string
	temper         int // the more, the less goes wrong
	openMax        int // connections
	messagesPerMax int // messages of a connection

	mu     sync.Mutex
	chance *rand.Rand
	open   int
	begun  map[string]*visit // where the content of a shipment went last
	taken  map[string]bool   // recipients of shipments
}

func newMoody(t *testing.T, seed uint64) *moody {
	m := &moody{
		T: t, chance: rand.New(rand.NewPCG(seed, 0)), protocol: smtp.SMTP, hello: "PIPELINING",
		begun: map[string]*visit{}, taken: map[string]bool{},
	}
	m.temper, m.openMax, m.messagesPerMax = 1+m.below(8), 1+m.below(5), 1+m.below(9)
	if m.below(3) == 0 {
		m.protocol = smtp.LMTP
	}
	if m.below(4) == 0 {
		m.hello = "HELP"
	}
	return m
}

func (m *moody) below(n int) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.chance.IntN(n)
}

// whim says whether something goes wrong, once in n times in a middling mood.
func (m *moody) whim(n int) bool { return m.below(n*m.temper) < 4 }

// pause waits for less than n seconds.
func (m *moody) pause(n int) { time.Sleep(time.Duration(m.below(n*1000)) * time.Millisecond) }

// dial is the seam that a Relay connects by.
func (m *moody) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	if m.whim(20) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	if m.whim(10) {
		return nil, errors.New("connection refused")
	}
	ours, theirs := net.Pipe()
	m.count(1)
	go (&visit{moody: m, Conn: theirs, r: bufio.NewReader(theirs)}).serve()
	return &counted{ours, sync.OnceFunc(func() { m.count(-1) })}, nil
}

func (m *moody) count(change int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.open += change; m.open > m.openMax {
		m.Errorf("%d connections are open", m.open)
	}
}

// counted is our end of a connection.
type counted struct {
	net.Conn
	closed func()
}

func (c *counted) Close() error {
	defer c.closed()
	return c.Conn.Close()
}

// visit is one connection as the target sees it.
type visit struct {
	*moody
	net.Conn
	r         *bufio.Reader
	mails     int
	mailed    bool
	to        []string
	unsettled int // guarded by moody.mu
}

// errMood ends a connection.
var errMood = errors.New("mood")

func (v *visit) serve() {
	defer v.Close()
	for err := v.say("220 hop"); err == nil; {
		var line string
		if line, err = v.r.ReadString('\n'); err == nil {
			verb, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
			err = v.obey(verb, rest)
		}
	}
}

func (v *visit) obey(verb, rest string) error {
	switch verb {
	case "EHLO", "LHLO":
		return v.say("250-hop\r\n250 " + v.hello)
	case "MAIL":
		return v.mail()
	case "RCPT":
		return v.rcpt(strings.TrimPrefix(rest, "TO:"))
	case "DATA":
		defer func() { v.mailed, v.to = false, nil }()
		if len(v.to) == 0 || v.whim(20) {
			return v.say("451 4.3.0 not now")
		}
		return v.data()
	}
	return v.say("250 ok")
}

func (v *visit) mail() error {
	if v.mails++; v.mails > v.messagesPerMax {
		v.Errorf("%d messages by one connection", v.mails)
	}
	if v.mailed, v.to = false, nil; v.whim(20) {
		return v.say("452 4.3.2 enough")
	}
	v.mailed = true
	return v.say("250 ok")
}

func (v *visit) rcpt(path string) error {
	switch {
	case !v.mailed:
		return v.say("503 5.5.1 MAIL first")
	case path == "<gone@example.com>":
		return v.say("550 5.1.1 gone")
	case len(v.to) > 0 && v.whim(4):
		return v.say("452 4.5.3 too many")
	}
	v.to = append(v.to, path)
	return v.say("250 2.1.5 ok")
}

// data takes the content, whose first line names the shipment.
func (v *visit) data() error {
	if err := v.say("354 go"); err != nil {
		return err
	}
	shipment := ""
	for line := ""; line != ".\r\n"; {
		var err error
		if line, err = v.r.ReadString('\n'); err != nil {
			return err
		}
		if shipment == "" {
			shipment, _, _ = strings.Cut(line, ":")
			v.begin(shipment)
		}
	}
	if v.protocol == smtp.SMTP {
		return v.outcome(shipment, v.to...)
	}
	for _, path := range v.to {
		if err := v.outcome(shipment, path); err != nil {
			return err
		}
	}
	return nil
}

func (v *visit) begin(shipment string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.begun[shipment] = v
	if v.unsettled++; v.unsettled > 2 {
		v.Errorf("%d messages of a connection are not settled", v.unsettled)
	}
}

func (v *visit) outcome(shipment string, to ...string) error {
	if v.whim(20) {
		return v.say("451 4.3.0 not now")
	}
	v.mu.Lock()
	for _, path := range to {
		v.taken[shipment+" "+path] = true
	}
	v.mu.Unlock()
	return v.say("250 2.0.0 queued")
}

// say replies, unless something comes in between.
func (v *visit) say(text string) error {
	switch {
	case v.whim(150):
		return errMood
	case v.whim(150):
		_, _ = v.Write([]byte("421 4.3.2 away\r\n"))
		return errMood
	case v.whim(150):
		_, _ = v.r.ReadString(0) // until the client has had enough
		return errMood
	case v.whim(10):
		v.pause(2)
	}
	_, err := v.Write([]byte(text + "\r\n"))
	return err
}
