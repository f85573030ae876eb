package server

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mmgw/mmgw/gateway/probe"
)

// moodyHosts are the hosts behind: one that takes all, one that greylists, and
// connections to them that are refused, break or hang.
type moodyHosts struct {
	*chaos
	calm  atomic.Bool
	good  string // address
	grey  string
	asked chan []string // addresses by which a moderator may rule on one post
}

func newMoodyHosts(t *testing.T, c *chaos) *moodyHosts {
	h := &moodyHosts{chaos: c, asked: make(chan []string, 1000)}
	h.good = h.host(t, `RCPT ^dead=550 5.1.1 nobody`, `RCPT ^late=451 4.7.1 not yet`)
	h.grey = h.host(t, `RCPT .=451 4.7.1 greylisted`)
	return h
}

func (h *moodyHosts) host(t *testing.T, rules ...string) (address string) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	sink := &probe.Sink{KeepContent: true, Record: h.took}
	for _, text := range rules {
		rule, err := probe.ParseRule(text)
		if err != nil {
			t.Fatal(err)
		}
		sink.Rules = append(sink.Rules, rule)
	}
	served := make(chan error, 1)
	go func() { served <- sink.Serve(listener) }()
	t.Cleanup(func() { sink.Close(); listener.Close(); <-served })
	return listener.Addr().String()
}

var ruling = regexp.MustCompile(`mod-confirm\+[^@\s<>:]+@lists\.example\.com`)

func (h *moodyHosts) took(tr probe.Transaction) {
	if slices.Contains(tr.Rcpts, "ruler@example.com") {
		if found := ruling.FindAllString(strings.ReplaceAll(string(tr.Content), "=\r\n", ""), -1); len(found) > 0 {
			select {
			case h.asked <- found:
			default:
			}
		}
		return
	}
	h.book.copied(tr)
}

// dial connects to one of the hosts, by its mood.
func (h *moodyHosts) dial(ctx context.Context, network, _ string) (net.Conn, error) {
	address, mood := h.good, h.n(12)
	if h.calm.Load() {
		mood = 11
	}
	switch mood {
	case 0:
		return nil, errors.New("refused on purpose")
	case 1, 2, 3:
		address = h.grey
	}
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil || mood > 6 {
		return conn, err
	}
	return &moodyConn{Conn: conn, left: 1 + h.n(12), hangs: mood == 4}, nil
}

// moodyConn breaks, or falls silent and then breaks, in place of one of its
// writes: never between an end of data and its reply, after which copies may
// come twice.
type moodyConn struct {
	net.Conn
	left  int
	hangs bool
}

const silence = 200 * time.Millisecond

func (c *moodyConn) Write(p []byte) (int, error) {
	if c.left--; c.left > 0 {
		return c.Conn.Write(p)
	}
	if c.hangs {
		time.AfterFunc(silence, func() { c.Close() })
		return len(p), nil
	}
	c.Close()
	return 0, io.ErrClosedPipe
}

// book is what became of each message.
type book struct {
	deliveries string // the log

	mu      sync.Mutex
	tokens  int
	lists   map[string]string         // by token, of what was accepted
	ids     map[string]string         // tokens by queue id
	copies  map[string]map[string]int // by token and recipient
	givenUp map[string]bool           // by token: an operator, or a moderator, did
}

func newBook(deliveries string) *book {
	return &book{
		deliveries: deliveries, lists: map[string]string{}, ids: map[string]string{},
		copies: map[string]map[string]int{}, givenUp: map[string]bool{},
	}
}

func (b *book) next() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.tokens++
	return b.tokens
}

func (b *book) sent(token, list, reply string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if strings.HasPrefix(reply, "250") {
		b.lists[token] = list
	}
}

var tokenOf = regexp.MustCompile(`Message-ID: <(t\d+)@x>`)

// copied notes a copy of a post.
func (b *book) copied(tr probe.Transaction) {
	found := tokenOf.FindSubmatch(tr.Content)
	if found == nil || !strings.Contains(tr.MailFrom, "-bounces+") {
		return // a report, or a notice
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	token := string(found[1])
	if b.copies[token] == nil {
		b.copies[token] = map[string]int{}
	}
	for _, to := range tr.Rcpts {
		b.copies[token][to]++
	}
}

// logger learns queue ids, and what moderators throw away.
func (b *book) logger() *slog.Logger { return slog.New(&bookLog{b: b}) }

type bookLog struct{ b *book }

func (l *bookLog) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelInfo }
func (l *bookLog) WithAttrs([]slog.Attr) slog.Handler               { return l }
func (l *bookLog) WithGroup(string) slog.Handler                    { return l }

func (l *bookLog) Handle(_ context.Context, r slog.Record) error {
	values := map[string]string{}
	r.Attrs(func(a slog.Attr) bool {
		if a.Value.Kind() == slog.KindGroup {
			for _, one := range a.Value.Group() {
				values[one.Key] = one.Value.String()
			}
		}
		values[a.Key] = a.Value.String()
		return true
	})
	l.b.mu.Lock()
	defer l.b.mu.Unlock()
	switch {
	case r.Message == "message":
		l.b.ids[values["id"]], _, _ = strings.Cut(values["reverse_path"], "@")
	case r.Message == "confirmed" && values["what"] == "drop":
		l.b.givenUp[l.b.ids[values["message"]]] = true
	}
	return nil
}

// readDeliveries learns from the delivery log what operators gave up.
func (b *book) readDeliveries(t *testing.T) {
	file, err := os.Open(b.deliveries)
	if err != nil {
		t.Error(err)
		return
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		var record struct{ ID, Text, Outcome string }
		if err := json.Unmarshal(lines.Bytes(), &record); err != nil {
			t.Errorf("delivery log: %v", err)
		}
		if strings.HasSuffix(record.Text, " by chaos") {
			b.givenUp[b.ids[record.ID]] = true
		}
	}
}

// audit checks that each member who was one all the time got each post once,
// unless somebody gave it up.
func (b *book) audit(t *testing.T) {
	lost, twice := 0, 0
	for token, list := range b.lists {
		for _, member := range []string{"anne@example.com", "bart@example.com"} {
			if list != "made" && b.copies[token][member] == 0 && !b.givenUp[token] {
				t.Logf("%s to %s is lost for %s", token, list, member)
				lost++
			}
		}
		for member, n := range b.copies[token] {
			if n > 1 {
				t.Logf("%s to %s came %d times to %s", token, list, n, member)
				twice++
			}
		}
	}
	t.Logf("%d accepted, %d given up", len(b.lists), len(b.givenUp))
	if lost+twice > 0 {
		t.Errorf("%d copies are lost, %d too many", lost, twice)
	}
}
