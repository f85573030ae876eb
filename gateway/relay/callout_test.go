package relay

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mmgw/mmgw/gateway"
)

func TestVerify(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &hop{hello: "PIPELINING"}
		r := h.relay(Options{})
		for path, want := range map[gateway.ForwardPath]string{"anne@example.com": "250 2.1.5 ok", "gone@example.com": "550 5.1.1 gone"} {
			if status := r.Verify(t.Context(), "", path); status.Reply() != want {
				t.Errorf("%s: %v", path, status)
			}
		}
		if status := r.Verify(t.Context(), "nowhere", "anne@example.com"); status.Reply() != "451 4.3.5 the route of this message is not configured" {
			t.Errorf("%v", status)
		}
		r.Close()
		if h.messages != 0 {
			t.Errorf("%d messages", h.messages)
		}
	})
}

// asked is what a callout brings, and how long that takes.
func asked(ctx context.Context, r *Relay) (status *gateway.Status, took time.Duration) {
	start := time.Now()
	return r.Verify(ctx, "", "anne@example.com"), time.Since(start)
}

// A callout, for which somebody waits at RCPT, goes before what is there to be sent,
// also where envelopes follow final dots without an end.
func TestCalloutGoesFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &hop{hello: "PIPELINING", slow: func() { time.Sleep(time.Second) }}
		r := h.relay(Options{ConnectionsMax: 1})
		var group sync.WaitGroup
		group.Go(func() {
			r.Deliver(t.Context(), "", shipments(100, delivery, settleAtOnce))
		})
		time.Sleep(10 * time.Second)
		if status, took := asked(t.Context(), r); status.Code != 250 || took > 2*time.Second {
			t.Errorf("%v after %v", status, took)
		}
		group.Wait()
		r.Close()
		if h.messages != 100 {
			t.Errorf("%d messages", h.messages)
		}
	})
}

// A callout that is given up ends its own connection, and no message's.
func TestCalloutGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &hop{hello: "PIPELINING", slow: func() { time.Sleep(time.Minute) }}
		r := h.relay(Options{ConnectionsMax: 1})
		var group sync.WaitGroup
		group.Go(func() { send(t, r) })
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if status, took := asked(ctx, r); status.Enhanced != errBusy.Enhanced || took != time.Second {
			t.Errorf("%v after %v", status, took)
		}
		group.Wait()
		time.Sleep(10 * time.Second) // until the idle connection is closed
		synctest.Wait()
		h.hang = "MAIL"
		ctx, cancel = context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if status, took := asked(ctx, r); status.Reply() != "451 4.4.2 the connection to the next hop was given up at MAIL" || took > 2*time.Minute {
			t.Errorf("%v after %v", status, took)
		}
		r.Close()
	})
}

// A target that did not greet is asked by a new connection once nobody waits for
// that one any more, and is not called unavailable.
func TestCalloutAfterSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &hop{hello: "PIPELINING", hesitant: func() { time.Sleep(time.Minute) }}
		r := h.relay(Options{ConnectionsMax: 1})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if status := r.Verify(ctx, "", "anne@example.com"); status.Enhanced != errBusy.Enhanced {
			t.Errorf("%v", status)
		}
		h.hesitant = nil
		if status, took := asked(t.Context(), r); status.Code != 250 || took > time.Second {
			t.Errorf("%v after %v", status, took)
		}
		r.Close()
		time.Sleep(time.Minute) // until the hop ends
	})
}

// Mail that waits for a slow greeting gets it, whatever callouts are given up
// meanwhile.
func TestSlowGreetingAmongCallouts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &hop{hello: "PIPELINING", hesitant: func() { time.Sleep(time.Minute) }}
		r := h.relay(Options{})
		var group sync.WaitGroup
		group.Go(func() { send(t, r) })
		synctest.Wait()
		for range 3 {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			r.Verify(ctx, "", "anne@example.com")
			cancel()
		}
		group.Wait()
		r.Close()
		if h.perConn[0] != 1 {
			t.Errorf("%v messages by connection", h.perConn)
		}
		time.Sleep(time.Minute) // until the hop ends
	})
}

// Many recipients of whom a server takes few at a time keep no callout waiting,
// and go out though their connection has its last message before theirs.
func TestCalloutAmongMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &hop{hello: "PIPELINING", rcptsMax: 1, slow: func() { time.Sleep(time.Second) }}
		r := h.relay(Options{ConnectionsMax: 1, MessagesPerConnectionMax: 10})
		many := &gateway.Delivery{ReversePath: delivery.ReversePath, Recipients: slices.Repeat(delivery.Recipients, 100)}
		var group sync.WaitGroup
		group.Go(func() {
			for i, status := range deliver(t.Context(), r, many) {
				if status.Class() != gateway.Success {
					t.Errorf("recipient %d: %v", i, status)
				}
			}
		})
		time.Sleep(10 * time.Second)
		if status, took := asked(t.Context(), r); status.Code != 250 || took > 2*time.Second {
			t.Errorf("%v after %v", status, took)
		}
		group.Wait()
		r.Close()
	})
}
