package smtp

import (
	"context"
	"fmt"
	"net"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mmgw/mmgw/gateway"
)

// Two Sends of which the second waits for the first: its envelope goes in one
// write with the first one's content, unless it gave up before.
func TestFollower(t *testing.T) {
	envelope := []string{"C: MAIL FROM:<list-bounces@us.example>", "C+ RCPT TO:<member0@example.com>", "C+ DATA"}
	body := []string{"C: Subject: x", "C+ ", "C+ body", "C+ ."}
	behind := []string{"C+ MAIL FROM:<list-bounces@us.example>", "C+ RCPT TO:<member0@example.com>", "C+ DATA"}
	yes := []string{"S: 250 ok", "S: 250 ok", "S: 354 go"}
	for _, c := range []struct {
		name    string
		givesUp bool
		rest    [][]string
	}{
		{"follows", false, [][]string{yes, body, behind, {"S: 250 taken"}, yes, body, {"S: 250 taken", "C: QUIT", "S: 221 bye"}}},
		{"replies at once", false, [][]string{yes, body, behind, {"S: 250 taken", "S+ 250 ok", "S+ 250 ok", "S+ 354 go"}, body, {"S: 250 taken", "C: QUIT", "S: 221 bye"}}},
		{"gives up", true, [][]string{yes, body, {"S: 250 taken", "C: QUIT", "S: 221 bye"}}},
	} {
		synctest.Test(t, func(t *testing.T) {
			ours, theirs := net.Pipe()
			p, word, played := &peer{conn: theirs}, make(chan struct{}), make(chan error, 1)
			go func() {
				_ = p.play([]string{"S: 220 them.example", "C: EHLO us.example", "S: 250-them", "S: 250 PIPELINING"})
				_ = p.play(envelope)
				<-word
				var lines []string
				for _, part := range c.rest {
					lines = append(lines, part...)
				}
				played <- p.play(lines)
			}()
			conn := dialed(t, ours, Options{Hostname: "us.example"})
			ctx, giveUp := context.WithCancel(t.Context())
			defer giveUp()
			var sending sync.WaitGroup
			sending.Go(func() {
				statuses, again := sent(t.Context(), conn, deliveryTo(1), newExchanged().content)
				mustSucceed(t, statuses, again)
			})
			synctest.Wait()
			sending.Go(func() {
				statuses, again := sent(ctx, conn, deliveryTo(1), newExchanged().content)
				if !c.givesUp {
					mustSucceed(t, statuses, again)
				} else if again || statuses[0].Class() != 4 {
					t.Errorf("%s: %v, again %v", c.name, statuses[0], again)
				}
			})
			synctest.Wait()
			if c.givesUp {
				giveUp()
				synctest.Wait()
			}
			close(word)
			sending.Wait()
			conn.Close()
			if err := <-played; err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
		})
	}
}

// A Send that begins when the final dot of another is out does not wait for the
// reply to it: its envelope goes at once.
func TestFollowsAReply(t *testing.T) {
	envelope := []string{"C: MAIL FROM:<list-bounces@us.example>", "C+ RCPT TO:<member0@example.com>", "C+ DATA"}
	body := []string{"C: Subject: x", "C+ ", "C+ body", "C+ ."}
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		p := &peer{conn: theirs}
		play := func(parts ...[]string) {
			if err := p.play(slices.Concat(parts...)); err != nil {
				t.Error(err)
			}
		}
		go play([]string{"S: 220 them.example", "C: EHLO us.example", "S: 250-them", "S: 250 PIPELINING"})
		conn := dialed(t, ours, Options{Hostname: "us.example"})
		var sending sync.WaitGroup
		send := func() {
			statuses, again := sent(t.Context(), conn, deliveryTo(1), newExchanged().content)
			mustSucceed(t, statuses, again)
		}
		sending.Go(send)
		play(envelope, []string{"S: 250 ok", "S: 250 ok", "S: 354 go"}, body)
		synctest.Wait()
		sending.Go(send)
		play(envelope)
		play([]string{"S: 250 taken", "S: 250 ok", "S: 250 ok", "S: 354 go"}, body, []string{"S: 250 taken"})
		sending.Wait()
		go play([]string{"C: QUIT", "S: 221 bye"})
		conn.Close()
	})
}

// Three Sends at a time, many times: whichever waits for whichever, each gets
// its own replies.
func TestFollowersKeepTheirReplies(t *testing.T) {
	ours, theirs := net.Pipe()
	go (&accepting{hello: "PIPELINING", gone: "member1@"}).serve(theirs)
	conn := dialed(t, ours, Options{})
	var sending sync.WaitGroup
	for sender := range 3 {
		sending.Go(func() {
			d := deliveryTo(2)
			d.Recipients = d.Recipients[sender%2 : sender%2+1]
			for range 3000 {
				statuses, again := sent(t.Context(), conn, d, short)
				if gone := statuses[0].Code == 550; again || gone != (sender == 1) || !gone && statuses[0].Code != 250 {
					t.Errorf("sender %d: %v, again %v", sender, statuses[0], again)
					return
				}
			}
		})
	}
	sending.Wait()
	conn.Close()
}

// A third envelope goes behind the second final dot though the first outcome is
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
		body, {"S: 250 taken", "C: QUIT", "S: 221 bye"},
	}
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		p, played := &peer{conn: theirs}, 0
		go func() {
			for ; played < len(parts); played++ {
				time.Sleep(time.Second) // whoever can wait in line does
				if err := p.play(parts[played]); err != nil {
					t.Errorf("part %d: %v", played, err)
				}
			}
		}()
		conn := dialed(t, ours, Options{})
		settled := make(chan struct{})
		var sending sync.WaitGroup
		for n := range 3 {
			sending.Go(func() {
				d := deliveryTo(3)
				d.Recipients = d.Recipients[n : n+1]
				conn.Send(t.Context(), d, short, func(statuses []*gateway.Status, again bool) {
					mustSucceed(t, statuses, again)
					<-settled
				})
			})
			synctest.Wait()
		}
		for n, want := range []int{9, 10, 10} {
			time.Sleep(time.Minute)
			synctest.Wait()
			if played != want {
				t.Errorf("with %d settled the peer waits at part %d, want %d", n, played, want)
			}
			settled <- struct{}{}
		}
		sending.Wait()
		conn.Close()
	})
}
