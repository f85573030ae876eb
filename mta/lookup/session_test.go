package lookup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// netstring frames a question of socketmap_table(5).
func netstring(text string) string { return fmt.Sprintf("%d:%s,", len(text), text) }

// TestDialogues sends what a peer says in one write, closes that direction, and
// reads what comes until the end.
func TestDialogues(t *testing.T) {
	long := strings.Repeat("x", QuestionBytesMax)
	const hop = "lmtp:[127.0.0.1]:8024"
	for name, c := range map[string]struct{ sent, want string }{
		"socketmap": {
			netstring("transport dev@lists.example.com") + netstring("recipients x@lists.example.com") + netstring("domains lists.example.com"),
			netstring("OK "+hop) + netstring("NOTFOUND ") + netstring("OK lists.example.com"),
		},
		"socketmap without a key":      {netstring("transport"), netstring("NOTFOUND ")},
		"socketmap, empty":             {"0:,", netstring("PERM there is no table : transport recipients domains aliases mailertable access")},
		"the longest question":         {netstring("transport " + long[10:]), netstring("NOTFOUND ")},
		"tcp table":                    {"get dev@lists.example.com\nget x%40lists.example.com\r\n", "200 " + hop + "\n500 not%20found\n"},
		"tcp table, domain":            {"get lists.example.com\nget example.com\n", "200 " + hop + "\n500 not%20found\n"},
		"tcp table, backend away":      {"get away@mm3.example.com\n", "400 no%20answer??OK\n"},
		"tcp table, bad encoding":      {"get a%4\nget a%zz\n", strings.Repeat("400 the%20key%20is%20not%20encoded%20as%20it%20should%20be\n", 2)},
		"tcp table is read only":       {"put a b\n", "500 these%20tables%20are%20read%20only\n"},
		"readsocket":                   {"recipients dev-bounces+a=b.c@lists.example.com\nrecipients x@y\n", "OK " + hop + "\n"},
		"readsocket, unknown":          {"recipients x@lists.example.com\n", "NOTFOUND \n"},
		"readsocket, no such table":    {"rcpt x@lists.example.com\n", "PERM there is no table rcpt: transport recipients domains aliases mailertable access\n"},
		"protocols may mix":            {"get example.com\n" + netstring("domains example.com"), "500 not%20found\n" + netstring("NOTFOUND ")},
		"a cut netstring":              {"30:transport dev@lists.example.com", ""},
		"a cut length":                 {"30", ""},
		"no comma":                     {"31:transport dev@lists.example.com;", ""},
		"no colon":                     {"31 transport dev@lists.example.com,", ""},
		"a length beyond the limit":    {"4097:" + long + "x,", ""},
		"a length without end":         {strings.Repeat("9", 100_000), ""},
		"a length that overflows":      {"99999999999999999999:x,", ""},
		"a line without end":           {"get " + strings.Repeat("x", 100_000), ""},
		"a cut line":                   {"get dev@lists.example.com", ""},
		"a line without a key":         {"QUIT\n", ""},
		"octets":                       {"\x00\xff\n", ""},
		"an answer before the rubbish": {netstring("domains a") + "rubbish\n", netstring("NOTFOUND ")},
	} {
		t.Run(name, func(t *testing.T) {
			server := startServer(t)
			conn := server.dial(t)
			go func() { io.WriteString(conn, c.sent); conn.(*net.UnixConn).CloseWrite() }()
			got, err := io.ReadAll(conn)
			if string(got) != c.want && err == nil {
				t.Errorf("answered %q, want %q", got, c.want)
			}
		})
	}
}

// running is a server on a Unix socket.
type running struct{ path string }

func startServer(t testing.TB) running {
	t.Helper()
	r := running{filepath.Join(t.TempDir(), "s")}
	l, err := net.Listen("unix", r.path)
	if err != nil {
		t.Fatal(err)
	}
	serve(t, &Server{Tables: openTables(t)}, l)
	return r
}

// serve ends with the test.
func serve(t testing.TB, s *Server, l net.Listener) {
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx, l) }()
	t.Cleanup(func() {
		stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
}

func (r running) dial(t testing.TB) net.Conn {
	t.Helper()
	conn, err := net.Dial("unix", r.path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// loopback is who may ask by default.
var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}

// TestStrangers: a peer that is not allowed is closed without an answer.
func TestStrangers(t *testing.T) {
	for network, allowed := range map[string]bool{"127.0.0.0/8": true, "192.0.2.0/24": false} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		serve(t, &Server{Tables: openTables(t), Allow: []netip.Prefix{netip.MustParsePrefix(network)}}, l)
		conn, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		io.WriteString(conn, "domains lists.example.com\n")
		if got, _ := io.ReadAll(conn); (string(got) == "OK lists.example.com\n") != allowed {
			t.Errorf("allow %s: %q", network, got)
		}
	}
}

// TestStopWithOpenConnections: Serve does not wait for peers that stay.
func TestStopWithOpenConnections(t *testing.T) {
	r := startServer(t)
	conn := r.dial(t)
	io.WriteString(conn, netstring("domains a")+"12:")
	if _, err := io.ReadFull(conn, make([]byte, len(netstring("NOTFOUND ")))); err != nil {
		t.Fatal(err)
	}
}

// TestTooManyConnections: what is beyond the limit is closed, and one that has
// ended makes room.
func TestTooManyConnections(t *testing.T) {
	r := startServer(t)
	open := make([]net.Conn, ConnectionsMax)
	for i := range open {
		open[i] = r.dial(t)
	}
	question := func(conn net.Conn) string {
		io.WriteString(conn, netstring("domains a"))
		reply := make([]byte, 100)
		n, _ := conn.Read(reply)
		return string(reply[:n])
	}
	if got := question(open[ConnectionsMax-1]); got != netstring("NOTFOUND ") {
		t.Fatalf("the last one: %q", got)
	}
	if got := question(r.dial(t)); got != "" {
		t.Errorf("one beyond: %q", got)
	}
	open[0].Close()
	for question(r.dial(t)) == "" { // until the server has seen it
	}
}

// TestIdle: a peer that says nothing, or half a question, is not waited for.
func TestIdle(t *testing.T) {
	for _, said := range []string{"", "30:tra", "get x"} {
		synctest.Test(t, func(t *testing.T) {
			ours, theirs := net.Pipe()
			defer theirs.Close()
			begin := time.Now()
			go io.WriteString(theirs, said)
			err := newSession(&Tables{}, ours).serve(t.Context())
			if took := time.Since(begin); !errors.Is(err, os.ErrDeadlineExceeded) || took != IdleTimeout {
				t.Errorf("%q: %v after %v", said, err, took)
			}
			ours.Close()
		})
	}
}

func FuzzSession(f *testing.F) {
	for _, seed := range []string{
		netstring("transport dev@lists.example.com"), netstring("aliases news+x@evil.example,y@public.example.org"),
		"get dev%40lists.example.com\n", "recipients a@b\n", "9999:", "0:,",
	} {
		f.Add(seed)
	}
	tables := openTables(f)
	f.Fuzz(func(t *testing.T, sent string) {
		ours, theirs := net.Pipe()
		go func() { io.WriteString(theirs, sent); theirs.Close() }()
		newSession(tables, ours).serve(t.Context())
		ours.Close()
	})
}
