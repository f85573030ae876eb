package lmtp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mmgw/mmgw/gateway"
)

func TestShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{}
		server := &Server{Intake: d}
		p := newPipes()
		served := make(chan error, 1)
		go func() { served <- server.Serve(p) }()
		idle, halfway := newPeer(p.Dial()), newPeer(p.Dial())
		io.WriteString(idle.conn, "LHLO client.test\r\n")
		io.WriteString(halfway.conn, envelope)
		synctest.Wait()
		idle.take()
		halfway.take()

		stopped := make(chan error, 1)
		go func() { stopped <- server.Shutdown(context.Background()) }()
		synctest.Wait()
		if got := idle.take(); got != "S: 421 4.3.2 shutting down, try again later\nclosed\n" {
			t.Errorf("the idle client got %q", got)
		}
		io.WriteString(halfway.conn, "DATA\r\nx\r\n.\r\nMAIL FROM:<next@b.test>\r\n")
		synctest.Wait()
		want := "S: 354 Go ahead. End your data with <CR><LF>.<CR><LF>\nS: 250 2.0.0 accepted 0\n" +
			"S: 421 4.3.2 shutting down, try again later\nclosed\n"
		if got := halfway.take(); got != want {
			t.Errorf("the client in a transaction got %q", got)
		}
		if err := errors.Join(<-stopped, <-served); err != nil || len(d.take()) != 1 {
			t.Errorf("%v; the message was not accepted exactly once", err)
		}
		if err := server.Serve(newPipes()); err != nil {
			t.Errorf("Serve after Shutdown: %v", err)
		}
	})
}

// waiting is an Intake that accepts when its context ends, which is too late.
type waiting struct{ desk }

func (*waiting) Message(ctx context.Context, _ gateway.Client, e *gateway.Envelope, _ io.Reader) []*gateway.Status {
	<-ctx.Done()
	return slices.Repeat([]*gateway.Status{gateway.Accepted}, len(e.Recipients))
}

func TestShutdownAtItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &Server{Intake: &waiting{}}
		p := newPipes()
		served := make(chan error, 1)
		go func() { served <- server.Serve(p) }()
		client := newPeer(p.Dial())
		io.WriteString(client.conn, envelope+"DATA\r\nx\r\n.\r\n")
		synctest.Wait()
		client.take()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		start := time.Now()
		err := server.Shutdown(ctx)
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != 10*time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		synctest.Wait()
		if got := client.take(); !strings.HasSuffix(got, "closed\n") {
			t.Errorf("the client got %q", got)
		}
		<-served
	})
}

// TestBareShutdown is the control of S17: an idle client holds go-smtp up.
func TestBareShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPipes()
		server := serveBare(t, &desk{}, Limits{}, p)
		client := newPeer(p.Dial())
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if err := server.Shutdown(ctx); err == nil {
			t.Error("go-smtp did not wait")
		}
		client.conn.Close()
	})
}

func TestConnectionsMax(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := serve(t, &Server{Intake: &desk{}, Limits: Limits{ConnectionsMax: 2}})
		first, second, third := newPeer(p.Dial()), newPeer(p.Dial()), newPeer(p.Dial())
		synctest.Wait()
		for _, admitted := range []*peer{first, second} {
			if got := admitted.take(); got != "S: 220 localhost LMTP Service Ready\n" {
				t.Errorf("an admitted client got %q", got)
			}
		}
		if got := third.take(); got != "S: 421 4.3.2 too many connections, try again later\nclosed\n" {
			t.Errorf("one too many got %q", got)
		}
		first.conn.Close()
		synctest.Wait()
		if got := newPeer(p.Dial()); !strings.HasPrefix(waited(got), "S: 220") {
			t.Errorf("after one has gone: no greeting")
		}
		second.conn.Close()
	})
}

func waited(p *peer) string {
	synctest.Wait()
	return p.take()
}

func TestAllow(t *testing.T) {
	nowhere := []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}
	for _, tt := range []struct {
		allow []netip.Prefix
		want  string
	}{
		{nil, "220 localhost LMTP Service Ready\r\n"},
		{nowhere, "554 5.7.1 this host may not connect\r\n"},
		{[]netip.Prefix{}, "554 5.7.1 this host may not connect\r\n"},
	} {
		listener := listen(t)
		server := &Server{Intake: &desk{}, Allow: tt.allow}
		go server.Serve(listener)
		conn, err := net.Dial("tcp", listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(conn, "QUIT\r\n")
		got, _ := io.ReadAll(conn)
		if !strings.HasPrefix(string(got), tt.want) || len(tt.allow) > 0 && string(got) != tt.want {
			t.Errorf("allow %v: %q", tt.allow, got)
		}
		conn.Close()
		if err := server.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

func listen(t testing.TB) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return listener
}

func TestAllowsMappedAddresses(t *testing.T) {
	s := &Server{Allow: loopback}
	for addr, want := range map[string]bool{
		"127.9.9.9:1": true, "[::1]:1": true, "[::ffff:127.0.0.1]:1": true,
		"[::ffff:192.0.2.1]:1": false, "192.0.2.1:1": false, "[fe80::1%eth0]:1": false,
	} {
		if got := s.allows(net.TCPAddrFromAddrPort(netip.MustParseAddrPort(addr))); got != want {
			t.Errorf("%s: %v", addr, got)
		}
	}
}

func TestBudgets(t *testing.T) {
	for _, tt := range []struct {
		name, line string
		replies    int
		last       string
	}{
		{"commands", "NOOP\r\n", commandsMax + 1000, "S: 421 4.7.0 too many commands without a message"},
		{"unknown commands", "FROB\r\n", badCommandsMax, "S: 421 4.7.0 too many bad commands"},
		{"malformed commands", "MAIL\r\n", badCommandsMax, "S: 421 4.7.0 too many bad commands"},
		{"a long command", strings.Repeat("x", commandBytesMax+1), 0, "S: 500 5.5.6 command line too long"},
		{"an endless command", strings.Repeat("x", readBufferBytes), 0, "S: 500 5.5.6 command line too long"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client := newPeer(serve(t, &Server{Intake: &desk{}}).Dial())
				io.WriteString(client.conn, "LHLO client.test\r\n")
				waited(client)
				if tt.replies == 0 {
					tt.line += "\r\n"
				}
				io.WriteString(client.conn, strings.Repeat(tt.line, 2*commandsMax+1))
				lines := strings.Split(waited(client), "\n")
				n := len(lines) - 3 // the last word, "closed", ""
				if n < tt.replies-1 || n > tt.replies || lines[n] != tt.last || lines[n+1] != "closed" {
					t.Errorf("%d replies, then %q", n, lines[n:])
				}
			})
		})
	}
}

func TestLongestCommand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := newPeer(serve(t, &Server{Intake: &desk{}}).Dial())
		io.WriteString(client.conn, "NOOP "+strings.Repeat("x", commandBytesMax-len("NOOP \r\n"))+"\r\n")
		if got := waited(client); !strings.Contains(got, "S: 250") {
			t.Errorf("a command of %d octets: %q", commandBytesMax, got)
		}
		client.conn.Close()
	})
}

func TestReplyPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := newPeer(serve(t, &Server{Intake: &desk{}, ReplyPause: 20 * time.Millisecond}).Dial())
		io.WriteString(client.conn, envelope+"RCPT TO:<two@lists.test>\r\nRCPT TO:<bounce@lists.test>\r\nDATA\r\n")
		waited(client)
		io.WriteString(client.conn, "x\r\n.\r\n")
		time.Sleep(time.Millisecond)
		for _, want := range []string{"250 2.0.0 accepted 0", "250 2.0.0 accepted 1", "554 5.6.0 refused 2"} {
			if got := waited(client); got != "S: "+want+"\n" {
				t.Errorf("got %q, want %q", got, want)
			}
			time.Sleep(20 * time.Millisecond)
		}
		client.conn.Close()
	})
}

// TestRepliesAreJoined is S19: a pipelined envelope costs one write, where
// go-smtp alone writes each line.
func TestRepliesAreJoined(t *testing.T) {
	pipelined := envelope + strings.Repeat("RCPT TO:<one@lists.test>\r\n", 9) + "DATA\r\n"
	writes := func(t *testing.T, p *pipes) int {
		conn := &counting{Conn: p.Dial()}
		client := newPeer(conn)
		waited(client)
		conn.reads = 0
		io.WriteString(conn, pipelined)
		waited(client)
		conn.Close()
		return conn.reads
	}
	synctest.Test(t, func(t *testing.T) {
		if n := writes(t, serve(t, &Server{Intake: &desk{}})); n != 1 {
			t.Errorf("%d writes with the guard", n)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		if n := writes(t, bare(t, &desk{}, Limits{})); n < 12 {
			t.Errorf("the control wrote only %d times", n)
		}
	})
}

// counting counts the pieces that come; over net.Pipe one for each write.
type counting struct {
	net.Conn
	reads int
}

func (c *counting) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if err == nil {
		c.reads++
	}
	return n, err
}

// TestPeerThatDoesNotRead: a client that sends and never reads costs one timeout.
func TestPeerThatDoesNotRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &Server{Intake: &desk{}, Limits: Limits{IdleTimeout: time.Minute}}
		conn := serve(t, server).Dial()
		start := time.Now()
		for range 10_000 {
			if _, err := io.WriteString(conn, "NOOP\r\n"); err != nil {
				break
			}
		}
		if took := time.Since(start); took != time.Minute {
			t.Errorf("held for %v", took)
		}
	})
}

func TestDefaults(t *testing.T) {
	want := "{33554432 1000 200 5m0s 30m0s}"
	if got := fmt.Sprint(Limits{}.withDefaults()); got != want {
		t.Errorf("%s, not %s", got, want)
	}
}
