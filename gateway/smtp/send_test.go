package smtp

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mmgw/mmgw/gateway"
)

func deliveryTo(n int) *gateway.Delivery {
	d := &gateway.Delivery{ReversePath: "list-bounces@us.example"}
	for i := range n {
		d.Recipients = append(d.Recipients, gateway.Recipient{Path: gateway.ForwardPath(fmt.Sprintf("member%d@example.com", i))})
	}
	return d
}

var short = gateway.Bytes("Subject: x\r\n\r\nbody\r\n")

func mustSucceed(t *testing.T, statuses []*gateway.Status, again bool) {
	t.Helper()
	for i, status := range statuses {
		if again || status == nil || status.Class() != gateway.Success {
			t.Fatalf("recipient %d: %v, again %v", i, status, again)
		}
	}
}

// C1: the round trips of a message, counted on a line of 50 ms each.
func TestRoundTrips(t *testing.T) {
	const trip, messages = 50 * time.Millisecond, 24
	for _, c := range []struct {
		hello   string
		rcpts   int
		waiting int // at a time
		trips   int // of all messages
	}{
		{"PIPELINING", 1, 1, 2 * messages},
		{"PIPELINING", 50, 1, 2 * messages},
		{"PIPELINING", 1, messages, messages + 1}, // envelopes after final dots
		{"HELP", 1, 1, 4 * messages},
		{"HELP", 1, messages, 4 * messages},
	} {
		t.Run(fmt.Sprintf("%s %d rcpts %d waiting", c.hello, c.rcpts, c.waiting), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ours, theirs := distant(trip / 2)
				go (&accepting{hello: c.hello}).serve(theirs)
				conn := dialed(t, ours, Options{})
				start := time.Now()
				for range messages / c.waiting {
					f := &parcels{}
					for range c.waiting {
						f.add(deliveryTo(c.rcpts), short)
					}
					conn.Run(f)
					f.mustSucceed(t)
				}
				if got, want := time.Since(start), time.Duration(c.trips)*trip; got != want {
					t.Errorf("%v for %d messages, want %v", got, messages, want)
				}
				conn.Close()
			})
		})
	}
}

// Many recipients: both ends write at the same time, and neither waits for the other.
func TestManyRecipients(t *testing.T) {
	for _, protocol := range []Protocol{SMTP, LMTP} {
		synctest.Test(t, func(t *testing.T) {
			ours, theirs := net.Pipe()
			go (&accepting{hello: "PIPELINING", lmtp: protocol == LMTP, eager: true}).serve(theirs)
			conn := dialed(t, ours, Options{Protocol: protocol})
			statuses, again := sent(conn, deliveryTo(1000), short)
			mustSucceed(t, statuses, again)
			conn.Close()
		})
	}
}

// A server that ends while a second envelope waits behind the first dot. The message
// goes again, and not for ever.
func TestOverlapBroken(t *testing.T) {
	t.Run("again", func(t *testing.T) { overlapBroken(t, 0) })
	t.Run("enough", func(t *testing.T) { overlapBroken(t, agedMax) })
}

func overlapBroken(t *testing.T, aged int) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		go func() {
			_ = (&peer{conn: theirs}).play([]string{
				"S: 220 them.example", "C: EHLO us.example", "S: 250-them", "S: 250 PIPELINING",
				"C: MAIL FROM:<list-bounces@us.example>", "C+ RCPT TO:<member0@example.com>", "C+ DATA",
				"S: 250 ok", "S: 250 ok", "S: 354 go",
				"C: Subject: x", "C+ ", "C+ body", "C+ .",
				"C+ MAIL FROM:<list-bounces@us.example>", "C+ RCPT TO:<member0@example.com>", "C+ DATA",
				"S: 250 queued", "drop",
			})
		}()
		conn := dialed(t, ours, Options{})
		f := &parcels{}
		first, second := f.add(deliveryTo(1), short), f.add(deliveryTo(1), short)
		f.waiting[1].Aged = aged
		conn.Run(f)
		mustSucceed(t, *first, false)
		again := aged < agedMax
		if len(f.again) == 1 != again || (*second)[0] == nil != again || conn.Usable() {
			t.Errorf("the second: %v, %d again, usable %v", (*second)[0], len(f.again), conn.Usable())
		}
	})
}

// C4: a reply without an end costs no more than ReplyBytesMax.
func TestEndlessReply(t *testing.T) {
	for _, unit := range []string{"250-" + strings.Repeat("x", 60) + "\r\n", "250-x\r\n", "2", "250 "} {
		r := &endless{unit: []byte(unit)}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := readReply(bufio.NewReader(r))
		runtime.ReadMemStats(&after)
		if !errors.Is(err, errReply) {
			t.Errorf("%q: %v", unit, err)
		}
		if used := after.TotalAlloc - before.TotalAlloc; r.given > 2*ReplyBytesMax || used > 16*ReplyBytesMax {
			t.Errorf("%q: read %d octets, allocated %d", unit, r.given, used)
		}
	}
}

type endless struct {
	unit  []byte
	given int
}

func (e *endless) Read(p []byte) (int, error) {
	n := copy(p, bytes.Repeat(e.unit, len(p)/len(e.unit)+1))
	e.given += n
	return n, nil
}

// Octets that come now and then move no deadline.
func TestDrip(t *testing.T) {
	t.Run("reply", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ours, theirs := net.Pipe()
			var server sync.WaitGroup
			defer server.Wait()
			server.Go(func() {
				for {
					time.Sleep(time.Minute)
					if _, err := theirs.Write([]byte("2")); err != nil {
						return
					}
				}
			})
			start := time.Now()
			_, err := NewConn(t.Context(), ours, Options{})
			if took := time.Since(start); err == nil || took != 5*time.Minute {
				t.Errorf("%v after %v", err, took)
			}
		})
	})
	t.Run("content", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ours, theirs := net.Pipe()
			var server sync.WaitGroup
			defer server.Wait()
			server.Go(func() {
				_ = (&peer{conn: theirs}).play([]string{"S: 220 them", "C: EHLO us.example", "S: 250 them",
					"C: MAIL FROM:<list-bounces@us.example>", "S: 250 ok", "C: RCPT TO:<member0@example.com>", "S: 250 ok", "C: DATA", "S: 354 go"})
				for {
					time.Sleep(time.Minute)
					if _, err := theirs.Read(make([]byte, 1)); err != nil {
						return
					}
				}
			})
			conn := dialed(t, ours, Options{})
			start := time.Now()
			statuses, _ := sent(conn, deliveryTo(1), gateway.Bytes(strings.Repeat("line\r\n", 100_000)))
			if took := time.Since(start); statuses[0].Enhanced != codeConnection || took > 4*time.Minute {
				t.Errorf("%v after %v", statuses[0], took)
			}
		})
	})
}

// A server that answers each RCPT in time, and never ends, meets Transaction.
func TestTransactionTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		var server sync.WaitGroup
		defer server.Wait()
		server.Go(func() {
			r := bufio.NewReader(theirs)
			for {
				if _, err := theirs.Write([]byte("250 slow\r\n")); err != nil {
					return
				}
				if _, err := r.ReadString('\n'); err != nil {
					return
				}
				time.Sleep(4 * time.Minute)
			}
		})
		conn := dialed(t, ours, Options{})
		start := time.Now()
		statuses, again := sent(conn, deliveryTo(100), short)
		if took := time.Since(start); took != time.Hour || again || statuses[99].Class() != gateway.Transient {
			t.Errorf("%v after %v", statuses[99], took)
		}
	})
}

// Content that cannot be read to its end never gets its dot.
func TestContentBreaksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		var whole []string
		go (&accepting{hello: "PIPELINING", content: func(s string) { whole = append(whole, s) }}).serve(theirs)
		conn := dialed(t, ours, Options{})
		statuses, again := sent(conn, deliveryTo(1), broken{})
		synctest.Wait()
		if statuses[0].Code != 451 || again || conn.Usable() || len(whole) > 0 {
			t.Errorf("%v, again %v, usable %v; the server got %q", statuses[0], again, conn.Usable(), whole)
		}
	})
}

type broken struct{}

func (broken) Size() int64 { return 100 }
func (broken) Open() (gateway.ContentReader, error) {
	return failingReader{strings.NewReader(strings.Repeat("line\r\n", 50_000)), errors.New("disk")}, nil
}

// A connection that is aborted waits for nothing more.
func TestAbort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		go func() {
			_ = (&peer{conn: theirs}).play([]string{"S: 220 them", "C: EHLO us.example", "S: 250 them"})
			_, _ = io.Copy(io.Discard, theirs)
		}()
		conn := dialed(t, ours, Options{})
		time.AfterFunc(time.Second, conn.Abort)
		start := time.Now()
		statuses, _ := sent(conn, deliveryTo(2), short)
		if took := time.Since(start); took != time.Second || statuses[1].Class() != gateway.Transient || conn.Usable() {
			t.Errorf("%v after %v, usable %v", statuses[1], took, conn.Usable())
		}
	})
}

// A server that refuses the content half way and closes is heard.
func TestRefusedWithinContent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		go func() {
			_ = (&peer{conn: theirs}).play([]string{"S: 220 them", "C: EHLO us.example", "S: 250 them",
				"C: MAIL FROM:<list-bounces@us.example>", "S: 250 ok", "C: RCPT TO:<member0@example.com>", "S: 250 ok", "C: DATA", "S: 354 go"})
			_, _ = io.CopyN(io.Discard, theirs, 200_000)
			_, _ = theirs.Write([]byte("552 5.3.4 too large\r\n"))
			theirs.Close()
		}()
		conn := dialed(t, ours, Options{})
		statuses, _ := sent(conn, deliveryTo(1), gateway.Bytes(strings.Repeat("line\r\n", 100_000)))
		if statuses[0].Code != 552 || conn.Usable() {
			t.Errorf("%v, usable %v", statuses[0], conn.Usable())
		}
	})
}
