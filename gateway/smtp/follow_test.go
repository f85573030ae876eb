package smtp

import (
	"fmt"
	"net"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mmgw/mmgw/gateway"
)

// Two messages: the envelope of the second goes in one write with the content of
// the first, whether its replies come with the first one's or by themselves.
func TestFollower(t *testing.T) {
	envelope := []string{"MAIL FROM:<list-bounces@us.example>", "C+ RCPT TO:<member0@example.com>", "C+ DATA"}
	body := []string{"C: Subject: x", "C+ ", "C+ body", "C+ ."}
	yes := []string{"S: 250 ok", "S: 250 ok", "S: 354 go"}
	at := func(mark string) []string { return append([]string{mark + " " + envelope[0]}, envelope[1:]...) }
	for name, replies := range map[string][]string{
		"replies apart":    slices.Concat([]string{"S: 250 taken"}, yes),
		"replies together": {"S: 250 taken", "S+ 250 ok", "S+ 250 ok", "S+ 354 go"},
	} {
		synctest.Test(t, func(t *testing.T) {
			ours, theirs := net.Pipe()
			played := make(chan error, 1)
			go func() {
				played <- (&peer{conn: theirs}).play(slices.Concat(
					[]string{"S: 220 them.example", "C: EHLO us.example", "S: 250-them", "S: 250 PIPELINING"},
					at("C:"), yes, body, at("C+"), replies, body, []string{"S: 250 taken", "C: QUIT", "S: 221 bye"}))
			}()
			conn := dialed(t, ours, Options{})
			f := &parcels{}
			f.add(deliveryTo(1), short)
			f.add(deliveryTo(1), short)
			conn.Run(f)
			f.mustSucceed(t)
			conn.Close()
			if err := <-played; err != nil {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
}

// A callout that is handed out after a final dot, which it should not be, waits
// for the reply to that.
func TestCalloutFollowsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		played := make(chan error, 1)
		go func() {
			played <- (&peer{conn: theirs}).play([]string{
				"S: 220 them.example", "C: EHLO us.example", "S: 250-them", "S: 250 PIPELINING",
				"C: MAIL FROM:<list-bounces@us.example>", "C+ RCPT TO:<member0@example.com>", "C+ DATA", "S: 250 ok", "S: 250 ok", "S: 354 go",
				"C: Subject: x", "C+ ", "C+ body", "C+ .", "S: 250 taken",
				"C: MAIL FROM:<>", "C+ RCPT TO:<member0@example.com>", "S: 250 ok", "S: 250 here",
				"C: QUIT", "S: 221 bye",
			})
		}()
		conn := dialed(t, ours, Options{})
		f := &parcels{}
		f.add(deliveryTo(1), short)
		f.add(&gateway.Delivery{Recipients: deliveryTo(1).Recipients}, nil)
		conn.Run(f)
		f.mustSucceed(t)
		conn.Close()
		if err := <-played; err != nil {
			t.Error(err)
		}
	})
}

// Many messages, each with the replies of its own.
func TestFollowersKeepTheirReplies(t *testing.T) {
	ours, theirs := net.Pipe()
	go (&accepting{hello: "PIPELINING", gone: "member1@"}).serve(theirs)
	conn := dialed(t, ours, Options{})
	f := &parcels{}
	for n := range 9000 {
		d := deliveryTo(2)
		d.Recipients = d.Recipients[n*n%3%2 : n*n%3%2+1]
		f.add(d, short)
	}
	conn.Run(f)
	for n, statuses := range f.statuses {
		if want := []int{250, 550}[n*n%3%2]; (*statuses)[0].Code != want {
			t.Fatalf("message %d: %v, want %d", n, (*statuses)[0], want)
		}
	}
	conn.Close()
}

// A third envelope goes after the second final dot though the first outcome is
// not settled yet. Its content waits for that: a crash at any time concerns one
// message that is not answered and one that is not settled.
func TestUnsettled(t *testing.T) {
	envelope := func(mark string, n int) []string {
		return []string{mark + " MAIL FROM:<list-bounces@us.example>", fmt.Sprintf("C+ RCPT TO:<member%d@example.com>", n), "C+ DATA"}
	}
	yes := []string{"S: 250 ok", "S+ 250 ok", "S+ 354 go"}
	taken := []string{"S: 250 taken", "S+ 250 ok", "S+ 250 ok", "S+ 354 go"}
	body := []string{"C: Subject: x", "C+ ", "C+ body", "C+ ."}
	parts := [][]string{
		{"S: 220 them.example", "C: EHLO us.example", "S: 250-them", "S: 250 PIPELINING"},
		envelope("C:", 0), yes,
		body, envelope("C+", 1), taken,
		body, envelope("C+", 2), taken,
		body, {"S: 250 taken"},
		{"C: QUIT", "S: 221 bye"},
	}
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		p, played := &peer{conn: theirs}, 0
		go func() {
			for ; played < len(parts); played++ {
				if err := p.play(parts[played]); err != nil {
					t.Errorf("part %d: %v", played, err)
				}
			}
		}()
		conn := dialed(t, ours, Options{})
		unsettled := make(chan func(), 3)
		f := &parcels{}
		for n := range 3 {
			d := deliveryTo(3)
			d.Recipients = d.Recipients[n : n+1]
			f.waiting = append(f.waiting, &Parcel{Shipment: gateway.Shipment{
				Delivery: d, Content: func() (gateway.Content, error) { return short, nil },
				Settle: func(_ []*gateway.Status, settled func()) { unsettled <- settled },
			}})
		}
		go func() {
			conn.Run(f)
			conn.Close() // which waits for the last two
		}()
		for n, want := range []int{9, 11, 11} {
			time.Sleep(time.Minute)
			synctest.Wait()
			if played != want {
				t.Errorf("with %d settled the peer waits at part %d, want %d", n, played, want)
			}
			(<-unsettled)()
		}
		synctest.Wait()
		if played != len(parts) {
			t.Errorf("with all settled the peer waits at part %d", played)
		}
	})
}
