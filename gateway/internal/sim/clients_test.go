package sim

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/spool"
)

// clients are the MTAs in front of the gateway.
type clients struct {
	w        *world
	letters  []*letter
	contents map[string]string // by token
	bounces  int
}

// letter is a message in an MTA's queue: the recipients without a last reply.
type letter struct {
	token string
	from  gateway.ReversePath
	to    []gateway.Recipient
	due   time.Time
	until time.Time
}

const bouncesMax = 20 // of a game, so that it ends

func replacement(token string) string { return "the body of " + token + " was replaced\r\n" }

// write makes n letters that come within the period.
func (c *clients) write(n int, period time.Duration) {
	for i := range n {
		var size int
		switch c.w.rng.IntN(10) {
		case 0:
			size = spool.ContentInlineBytesMax + c.w.rng.IntN(100_000)
		case 1:
			size = 0
		default:
			size = c.w.rng.IntN(5000)
		}
		from := []gateway.ReversePath{"good1@dev.example", "good2@dev.example", "stranger@others.example", ""}[c.w.rng.IntN(4)]
		token := fmt.Sprintf("letter%d", i)
		c.post(&letter{token: token, from: from, to: c.recipients(), due: time.Now().Add(c.delay(period))}, "", size)
	}
}

func (c *clients) delay(period time.Duration) time.Duration {
	return time.Duration(c.w.rng.Int64N(int64(period)))
}

func (c *clients) post(l *letter, kind string, size int) {
	var b strings.Builder
	fmt.Fprintf(&b, "X-Token: %s\r\nFrom: <%s>\r\nDate: Mon, 23 Nov 2026 09:00:00 +0000\r\nMessage-ID: <%s@others.example>\r\n", l.token, l.from, l.token)
	if kind == "" {
		b.WriteString("\r\n")
	}
	b.WriteString(kind)
	for b.Len() < size {
		fmt.Fprintf(&b, "%s %d %x\r\n", l.token, b.Len(), c.w.rng.Uint64())
	}
	l.until = l.due.Add(5 * 24 * time.Hour)
	c.contents[l.token] = b.String()
	c.letters = append(c.letters, l)
}

// recipients is a choice of what there is, each at most once.
func (c *clients) recipients() []gateway.Recipient {
	all := []gateway.ForwardPath{
		"dev@" + listDomain, "news@" + listDomain, "dev-owner@" + listDomain, "news-request@" + listDomain, "dev-bounces@" + listDomain,
		"good1@" + backendDomain, "dead1@" + backendDomain, "never1@" + backendDomain, "grey1@" + backendDomain, "spam1@" + backendDomain,
		"nobody@" + listDomain,
	}
	c.w.rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	var to []gateway.Recipient
	for _, path := range all[:1+c.w.rng.IntN(4)] {
		r := gateway.Recipient{Path: path}
		if c.w.rng.IntN(8) == 0 {
			r.Notify = gateway.NotifyNever
		}
		to = append(to, r)
	}
	return to
}

// bounce sends a member's copy back some time later.
func (c *clients) bounce(to gateway.ReversePath, member gateway.ForwardPath) {
	if c.bounces++; c.bounces > bouncesMax {
		return
	}
	c.post(&letter{
		token: fmt.Sprintf("bounce%d", c.bounces), to: []gateway.Recipient{{Path: gateway.ForwardPath(to)}}, due: time.Now().Add(c.delay(time.Hour)),
	}, "Subject: failed\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n"+
		"--b\r\n\r\nfailed\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; others.example\r\n\r\n"+
		"Final-Recipient: rfc822; "+string(member)+"\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n--b--\r\n", 0)
}

// next is the letter that is due first, nil for none.
func (c *clients) next() *letter {
	var first *letter
	for _, l := range c.letters {
		if len(l.to) > 0 && (first == nil || l.due.Before(first.due)) {
			first = l
		}
	}
	return first
}

// send makes one attempt at a letter. A client that gets no reply, or one of
// 4xx, comes again with the recipients that it got none for.
func (c *clients) send(l *letter, intake gateway.Intake) {
	w, ctx := c.w, context.Background()
	w.tell("send %s from <%s> to %v", l.token, l.from, l.to)
	l.due = time.Now().Add(5*time.Minute + c.delay(25*time.Minute))
	w.ledger.begin()
	envelope := &gateway.Envelope{ReversePath: l.from, EnvelopeID: l.token}
	var left []gateway.Recipient
	for _, to := range l.to {
		switch gateway.AsStatus(intake.Recipient(ctx, gateway.Client{}, envelope, to)).Class() {
		case gateway.Success:
			envelope.Recipients = append(envelope.Recipients, to)
		case gateway.Transient:
			left = append(left, to)
		}
	}
	if len(envelope.Recipients) > 0 {
		content := io.Reader(strings.NewReader(c.contents[l.token]))
		breaks := w.rng.IntN(40) == 0
		if breaks {
			content = io.MultiReader(io.LimitReader(content, 50), broken{})
		}
		replies := intake.Message(ctx, gateway.Client{Peer: "mta.example"}, envelope, content)
		if w.disk.dark() || breaks || w.rng.IntN(12) == 0 {
			w.tell("no reply reaches the client of %s", l.token)
			return
		}
		for i, to := range envelope.Recipients {
			w.ledger.replied(l.token, to.Path, replies[i])
			if replies[i].Class() == gateway.Transient {
				left = append(left, to)
			}
		}
	}
	if l.to = left; time.Now().After(l.until) {
		l.to = nil
	}
}

// broken is a connection that breaks.
type broken struct{}

// Read implements io.Reader.
func (broken) Read([]byte) (int, error) { return 0, errors.New("the client is gone") }
