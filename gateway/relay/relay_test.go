package relay

import (
	"context"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/smtp"
)

func TestTargetText(t *testing.T) {
	for want, target := range map[string]Target{
		"smtp:127.0.0.1:25":        smtpTarget("127.0.0.1:25"),
		"lmtp:[::1]:8024":          {Network: "tcp", Address: "[::1]:8024", Protocol: smtp.LMTP},
		"lmtp:unix:/run/mm/l.sock": {Network: "unix", Address: "/run/mm/l.sock", Protocol: smtp.LMTP},
	} {
		if got := target.String(); got != want {
			t.Errorf("%+v is %q, want %q", target, got, want)
		}
	}
}

// Connections are used again, one after the other and side by side.
func TestReuse(t *testing.T) {
	for _, hello := range []string{"PIPELINING", "HELP"} {
		synctest.Test(t, func(t *testing.T) {
			h := &hop{hello: hello, slow: func() { time.Sleep(time.Millisecond) }}
			r := h.relay(Options{ConnectionsMax: 3, MessagesPerConnectionMax: 1000})
			var group sync.WaitGroup
			for range 12 {
				group.Go(func() {
					for range 20 {
						send(t, r)
					}
				})
			}
			group.Wait()
			if h.messages != 240 || h.dials != 3 || h.openMost != 3 {
				t.Errorf("%s: %d messages by %d connections, %d at a time", hello, h.messages, h.dials, h.openMost)
			}
			r.Close()
			if h.open != 0 {
				t.Errorf("%d connections are open after Close", h.open)
			}
		})
	}
}

// Neither our own limit nor the server's 452 costs a message.
func TestMessagesPerConnection(t *testing.T) {
	for _, c := range []struct {
		ours, theirs int
		want         []int
	}{{10, 0, []int{10, 10, 5}}, {100, 10, []int{10, 10, 5}}, {1, 0, slices.Repeat([]int{1}, 25)}} {
		synctest.Test(t, func(t *testing.T) {
			h := &hop{hello: "PIPELINING", mailsMax: c.theirs}
			r := h.relay(Options{MessagesPerConnectionMax: c.ours})
			for range 25 {
				send(t, r)
			}
			r.Close()
			if !slices.Equal(h.perConn, c.want) {
				t.Errorf("%d and %d: %v messages, want %v", c.ours, c.theirs, h.perConn, c.want)
			}
		})
	}
}

// The same with many at a time: a 452 after another's final dot.
func TestMessagesPerConnectionOverlapping(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &hop{hello: "PIPELINING", mailsMax: 5}
		r := h.relay(Options{ConnectionsMax: 2})
		var group sync.WaitGroup
		for range 4 {
			group.Go(func() {
				for range 50 {
					send(t, r)
				}
			})
		}
		group.Wait()
		r.Close()
		if h.messages != 200 || h.openMost > 2 {
			t.Errorf("%d messages, %d connections at a time", h.messages, h.openMost)
		}
	})
}

// A server that closes idle connections is dialled again, and nobody notices.
func TestServerClosesIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &hop{hello: "PIPELINING", dropAtIdle: true}
		r := h.relay(Options{})
		for range 5 {
			send(t, r)
			synctest.Wait()
		}
		r.Close()
		if h.messages != 5 || h.dials != 5 {
			t.Errorf("%d messages by %d connections", h.messages, h.dials)
		}
	})
}

// A server that restarts leaves every idle connection dead, and one message
// finds that out for all.
func TestServerRestarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &hop{hello: "HELP", slow: func() { time.Sleep(time.Second) }}
		r := h.relay(Options{ConnectionsMax: 10})
		for range 3 {
			h.dropAtIdle = h.messages >= 14 // the last time
			var group sync.WaitGroup
			for range 10 {
				group.Go(func() { send(t, r) })
			}
			group.Wait()
		}
		synctest.Wait()
		h.dropAtIdle = false
		send(t, r)
		r.Close()
		if h.messages != 31 || h.dials != 11 {
			t.Errorf("%d messages by %d connections", h.messages, h.dials)
		}
	})
}

func TestIdleConnectionsClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &hop{hello: "PIPELINING"}
		r := h.relay(Options{Idle: 3 * time.Second})
		send(t, r)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if h.open != 1 {
			t.Errorf("%d open before Idle", h.open)
		}
		send(t, r)
		time.Sleep(4 * time.Second)
		synctest.Wait()
		if h.open != 0 || h.dials != 1 {
			t.Errorf("%d open after Idle, %d dialled", h.open, h.dials)
		}
		r.Close()
	})
}

// A target that refuses is not dialled by each delivery, and is tried again at
// growing intervals.
func TestHoldDown(t *testing.T) {
	for _, h := range []*hop{{refused: true}, {greeting: "421 4.3.2 too busy"}, {greeting: "554 no"}} {
		synctest.Test(t, func(t *testing.T) {
			r := h.relay(Options{})
			start := time.Now()
			for time.Since(start) < 10*time.Minute {
				for _, status := range deliver(t.Context(), r, delivery) {
					if status.Class() != gateway.Transient {
						t.Fatalf("%v", status)
					}
				}
				time.Sleep(100 * time.Millisecond)
			}
			if h.dials < 14 || h.dials > 16 { // after 1, 2, 4, ... 32 s, then each minute
				t.Errorf("%d attempts in 10 minutes", h.dials)
			}
			h.mu.Lock()
			h.refused, h.greeting = false, ""
			h.mu.Unlock()
			if status := deliver(t.Context(), r, delivery)[0]; status.Class() != gateway.Transient {
				t.Fatalf("%v, while it is left alone", status)
			}
			r.Retry() // or a minute later
			send(t, r)
			r.Close()
		})
	}
}

// A target that greets and takes no message is left alone as one that does not
// greet.
func TestBusyTarget(t *testing.T) {
	for _, silent := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) { leftAlone(t, &hop{hello: "PIPELINING", busy: true, silent: silent}) })
	}
}

func leftAlone(t *testing.T, h *hop) {
	t.Helper()
	r := h.relay(Options{ConnectionsMax: 20})
	start := time.Now()
	for time.Since(start) < 10*time.Minute {
		r.Deliver(t.Context(), "", shipments(30, delivery, func(s []*gateway.Status, settled func()) {
			if s[0].Class() != gateway.Transient {
				t.Errorf("%v", s[0])
			}
			settled()
		}))
		time.Sleep(100 * time.Millisecond)
	}
	if h.dials < 14 || h.dials > 20 { // as TestHoldDown, and the first ones at the same time
		t.Errorf("%d connections in 10 minutes", h.dials)
	}
	h.mu.Lock()
	h.busy = false
	h.mu.Unlock()
	time.Sleep(time.Minute)
	send(t, r)
	r.Close()
}

// What waits behind a connection that hangs gets another when it may be dialled.
func TestDialsAfterHoldDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pauses := make(chan time.Duration, 2)
		pauses <- 5 * time.Minute
		pauses <- 0
		h := &hop{hello: "HELP", slow: func() { time.Sleep(<-pauses) }}
		r := h.relay(Options{HoldDown: 10 * time.Second})
		refuse := func(refused bool) {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.refused = refused
		}
		var group sync.WaitGroup
		group.Go(func() { send(t, r) })
		synctest.Wait()
		refuse(true)
		start := time.Now()
		group.Go(func() {
			if send(t, r); time.Since(start) != 10*time.Second {
				t.Errorf("it waited for %v", time.Since(start))
			}
		})
		synctest.Wait()
		refuse(false)
		group.Wait()
		r.Close()
	})
}

// What waits when the last connection breaks, and no other may be opened yet, waits
// no longer.
func TestLastConnectionBreaks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &hop{hello: "PIPELINING"}
		r := h.relay(Options{HoldDown: time.Hour, HoldDownMax: time.Hour, ConnectionsMax: 2})
		send(t, r)
		h.hang, h.refused = "DATA", true
		start, statuses := time.Now(), 0
		r.Deliver(t.Context(), "", shipments(100, delivery, func(s []*gateway.Status, settled func()) {
			if s[0].Class() == gateway.Transient {
				statuses++
			}
			settled()
		}))
		if took := time.Since(start); statuses != 100 || took > 5*time.Minute || h.dials != 2 {
			t.Errorf("%d of 100 are put off after %v, %d dials", statuses, took, h.dials)
		}
		r.Close()
	})
}

// After a failure one delivery tries for all.
func TestOneTrial(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &hop{hello: "PIPELINING", refused: true}
		r := h.relay(Options{})
		deliver(t.Context(), r, delivery)
		time.Sleep(2 * time.Second)
		dial := r.pools[""].dial.DialContext
		r.pools[""].dial.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
			time.Sleep(time.Second) // a target that drops packets
			return dial(ctx, network, address)
		}
		var group sync.WaitGroup
		for range 50 {
			group.Go(func() {
				if status := deliver(t.Context(), r, delivery)[0]; status.Class() != gateway.Transient {
					t.Errorf("%v", status)
				}
			})
		}
		group.Wait()
		if h.dials != 2 {
			t.Errorf("%d attempts, want 2", h.dials)
		}
		r.Close()
	})
}

// Waiting for a connection ends with the context.
func TestWaitObeysContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &hop{hello: "HELP", hang: "MAIL"}
		r := h.relay(Options{ConnectionsMax: 1})
		ctx, cancel := context.WithCancel(t.Context())
		var group sync.WaitGroup
		group.Go(func() { deliver(ctx, r, delivery) })
		synctest.Wait()
		waiting, stop := context.WithTimeout(t.Context(), time.Second)
		defer stop()
		start := time.Now()
		status := deliver(waiting, r, delivery)[0]
		if time.Since(start) != time.Second || status.Enhanced != errBusy.Enhanced {
			t.Errorf("%v after %v", status, time.Since(start))
		}
		cancel()
		group.Wait()
		r.Close()
	})
}

// A hanging target costs its own deliveries their time, and others nothing.
func TestHangingTarget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bad, good := &hop{hello: "HELP", hang: "DATA"}, &hop{hello: "PIPELINING"}
		target, away := smtpTarget("hop.example:25"), smtpTarget("away.example:25")
		r := New(Options{Hostname: "us.example", Targets: map[string]Target{"": target, "away": away},
			DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
				if strings.HasPrefix(address, "away") {
					return bad.dial(ctx, network, address)
				}
				return good.dial(ctx, network, address)
			}})
		ctx, cancel := context.WithCancel(t.Context())
		var group sync.WaitGroup
		hanging := *delivery
		hanging.Route = "away"
		for range 50 {
			group.Go(func() { deliver(ctx, r, &hanging) })
		}
		start := time.Now()
		for range 100 {
			send(t, r)
		}
		if time.Since(start) != 0 {
			t.Errorf("the good target took %v", time.Since(start))
		}
		cancel()
		group.Wait()
		r.Close()
	})
}

// Connections that break halve what is allowed, messages that go add to it.
func TestAllowedConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &hop{hello: "PIPELINING"}
		r := h.relay(Options{ConnectionsMax: 16})
		p := r.pools[""]
		for range 20 {
			send(t, r)
		}
		synctest.Wait()
		if p.allowed != 16 {
			t.Errorf("%d allowed after 20 messages", p.allowed)
		}
		h.hang = "DATA"
		deliver(t.Context(), r, delivery)
		deliver(t.Context(), r, delivery)
		synctest.Wait()
		if p.allowed != 4 {
			t.Errorf("%d allowed after two timeouts", p.allowed)
		}
		h.hang, h.slow = "", func() { time.Sleep(11 * time.Minute) }
		r.Deliver(t.Context(), "", shipments(2, delivery, settleAtOnce))
		synctest.Wait()
		if p.allowed != 1 {
			t.Errorf("%d allowed after two more, the first with an envelope behind its dot", p.allowed)
		}
		time.Sleep(time.Hour)
		r.Close()
	})
}

// A message that is given up while its envelope waits behind another is not sent,
// and does not break the other off.
func TestFollowerGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &hop{hello: "PIPELINING", slow: func() { time.Sleep(time.Minute) }}
		r := h.relay(Options{ConnectionsMax: 1})
		var group sync.WaitGroup
		group.Go(func() {
			r.Deliver(t.Context(), "", shipments(2, delivery, func(statuses []*gateway.Status, settled func()) {
				if statuses[0].Class() != gateway.Success {
					t.Errorf("%v", statuses[0])
				}
				settled()
			}))
		})
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
		defer cancel()
		start := time.Now()
		if status := deliver(ctx, r, delivery)[0]; status.Enhanced != errBusy.Enhanced || time.Since(start) != 2*time.Minute {
			t.Errorf("%v after %v", status, time.Since(start))
		}
		group.Wait()
		if r.Close(); h.messages != 2 {
			t.Errorf("%d messages", h.messages)
		}
	})
}

func TestCloseRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &hop{hello: "PIPELINING", slow: func() { time.Sleep(time.Minute) }}
		r := h.relay(Options{ConnectionsMax: 1})
		var group sync.WaitGroup
		group.Go(func() { send(t, r) }) // under way: ends well
		synctest.Wait()
		r.Close()
		group.Wait()
		if status := deliver(t.Context(), r, delivery)[0]; status != errClosed || h.open != 0 {
			t.Errorf("%v, %d open", status, h.open)
		}
	})
}

// Over real sockets, TCP and Unix, by SMTP and LMTP.
func TestSockets(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		address := "127.0.0.1:0"
		if network == "unix" {
			address = t.TempDir() + "/lmtp.sock"
		}
		listener, err := net.Listen(network, address)
		if err != nil {
			t.Fatal(err)
		}
		h := &hop{hello: "PIPELINING", perConn: make([]int, 100)}
		var served sync.WaitGroup
		served.Go(func() {
			for number := 0; ; number++ {
				conn, err := listener.Accept()
				if err != nil {
					return
				}
				served.Go(func() { h.serve(conn, number) })
			}
		})
		protocol := map[string]smtp.Protocol{"tcp": smtp.SMTP, "unix": smtp.LMTP}[network]
		target := Target{Network: network, Address: listener.Addr().String(), Protocol: protocol}
		r := New(Options{Targets: map[string]Target{"": target}, ConnectionsMax: 4})
		var group sync.WaitGroup
		for range 8 {
			group.Go(func() {
				for range 50 {
					send(t, r)
				}
			})
		}
		group.Wait()
		r.Close()
		listener.Close()
		served.Wait()
		if h.messages != 400 {
			t.Errorf("%s: %d messages", network, h.messages)
		}
	}
}

// What the target offers is asked once, and known while it is away.
func TestOffers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &hop{hello: "XVERP", refused: true}
		r := h.relay(Options{HoldDown: time.Second})
		if r.Offers(t.Context(), "", "XVERP") || r.Offers(t.Context(), "nowhere", "XVERP") {
			t.Error("a target that cannot be reached offers it")
		}
		h.refused = false
		if r.Offers(t.Context(), "", "XVERP") {
			t.Error("it is asked again at once")
		}
		time.Sleep(askInterval)
		for range 3 {
			if !r.Offers(t.Context(), "", "xverp") || r.Offers(t.Context(), "", "CHUNKING") {
				t.Error("offered is XVERP")
			}
		}
		h.refused = true
		if r.Close(); !r.Offers(t.Context(), "", "XVERP") || h.dials != 2 {
			t.Errorf("forgotten, or asked again: %d dials", h.dials)
		}
	})
}

// A server that announces how many messages it takes gets no more (RFC 9422).
func TestMailMax(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &hop{hello: "LIMITS MAILMAX=3", mailsMax: 3}
		r := h.relay(Options{ConnectionsMax: 1})
		for range 7 {
			send(t, r)
		}
		if r.Close(); !slices.Equal(h.perConn, []int{3, 3, 1}) {
			t.Errorf("messages by connection: %d", h.perConn)
		}
	})
}

// A connection takes no third message until the outcome of one of the two that
// it has is settled: a crash at any time makes at most those two go out again.
func TestTwoUnsettled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &hop{hello: "PIPELINING"}
		r := h.relay(Options{ConnectionsMax: 1})
		unsettled := make(chan func(), 5)
		var group sync.WaitGroup
		for _, n := range []int{3, 2} {
			group.Go(func() {
				r.Deliver(t.Context(), "", shipments(n, delivery, func(_ []*gateway.Status, settled func()) { unsettled <- settled }))
			})
		}
		for n := 2; n <= 5; n++ {
			synctest.Wait()
			if h.messages != n {
				t.Errorf("%d messages went out with %d settled", h.messages, n-2)
			}
			(<-unsettled)()
		}
		group.Wait()
		(<-unsettled)()
		r.Close()
	})
}

// Nor does a message wait for that which nobody wants any more.
func TestGivenUpBehindUnsettled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &hop{hello: "PIPELINING"}
		r := h.relay(Options{ConnectionsMax: 1})
		unsettled := make(chan func(), 2)
		r.Deliver(t.Context(), "", shipments(2, delivery, func(_ []*gateway.Status, settled func()) { unsettled <- settled }))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		if status := deliver(ctx, r, delivery)[0]; status.Class() != gateway.Transient || time.Since(start) != time.Second || h.messages != 2 {
			t.Errorf("%v after %v, %d messages", status, time.Since(start), h.messages)
		}
		(<-unsettled)()
		(<-unsettled)()
		r.Close()
	})
}

// A target that takes connections and says nothing costs whoever asks what it
// offers some seconds a minute, however many ask.
func TestOffersOfASilentTarget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := New(Options{Targets: map[string]Target{"": smtpTarget("hop.example:25")}, DialContext: func(context.Context, string, string) (net.Conn, error) {
			ours, _ := net.Pipe()
			return ours, nil
		}})
		begun := time.Now()
		var group sync.WaitGroup
		for range 20 {
			group.Go(func() {
				if r.Offers(t.Context(), "", "XVERP") {
					t.Error("it offers nothing")
				}
			})
		}
		group.Wait()
		if took := time.Since(begun); took > askTimeout {
			t.Errorf("it took %v", took)
		}
		r.Close()
	})
}
