package smtp

import (
	"context"
	"net"
	"sync"
	"testing"
	"testing/synctest"
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
				statuses, again := conn.Send(t.Context(), deliveryTo(1), newExchanged().content)
				mustSucceed(t, statuses, again)
			})
			synctest.Wait()
			sending.Go(func() {
				statuses, again := conn.Send(ctx, deliveryTo(1), newExchanged().content)
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
