package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/probe"
	"github.com/mmgw/mmgw/gateway/spool"
	"github.com/mmgw/mmgw/gateway/store"
)

// rounds is how often something bad happens: few times with -short, often with
// MMGW_LONG=1, which takes minutes.
func rounds(usual, long int) int {
	switch {
	case os.Getenv("MMGW_LONG") == "1":
		return long
	case testing.Short():
		return min(usual, 2)
	}
	return usual
}

const ledgerSite = devSite + `["anne@example.com", "bart@example.org"]
`

const (
	ledgerSessions = 32
	ledgerCopies   = 2 // members of the list

	// sessionPace makes some sessions fast and others slow: the n-th pauses n
	// times as long after each letter, from 1. Deliveries then go on under the load.
	sessionPace = 3 * time.Millisecond

	// duplicatesMax is how many copies may go out twice for one kill: two for
	// each of the 10 connections, one unanswered and one not yet durable.
	duplicatesMax = 2 * 10

	// drainPatience is how long nothing may arrive before all have: longer
	// than the queue waits before it tries again.
	drainPatience = 90 * time.Second
)

// ledger is what the MTA in front of a gateway and the one behind it know: what
// was answered with 250, and what arrived. It writes the letters too. They are
// made from their number and the seed, so that none has to be kept.
type ledger struct {
	site *site
	seed uint64
	text []byte // of the bodies

	mu         sync.Mutex
	letters    []*letter               // by number
	open       map[*letter]bool        // accepted, and not with every member
	accepted   int                     // letters
	replies    map[string]int          // other than 250, by their codes
	duplicates int                     // copies beyond the first
	kills      int                     // that the gateway lived through
	starts     []time.Duration         // how long each start took
	bell       chan struct{}           // rings when a letter is with every member
	unanswered [ledgerSessions]*letter // of each session: to be sent again
	complaints map[string]*complaint   // by kind
}

// complaint is something that must not happen, with one example.
type complaint struct {
	times   int
	example string
}

// letter is one message on its way.
type letter struct {
	number int
	digest [32]byte
	id     string         // the gateway's, as the first copy bore it
	copies map[string]int // by member
}

func newLedger(s *site) *ledger {
	l := &ledger{
		site: s, seed: rand.Uint64(), open: map[*letter]bool{}, replies: map[string]int{},
		bell: make(chan struct{}, 1), complaints: map[string]*complaint{},
	}
	const alphabet = "abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ.0123456789"
	random := rand.New(rand.NewPCG(l.seed, 0))
	for len(l.text) < 1<<20 {
		for range ledgerLineBytes - 2 {
			l.text = append(l.text, alphabet[random.IntN(len(alphabet))])
		}
		l.text = append(l.text, "\r\n"...)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taken = l.arrive
	return l
}

const ledgerLineBytes = 78

// content is the n-th message: one in ten is larger than what the database
// keeps, and streams to a file.
func (l *ledger) content(n int) []byte {
	random := rand.New(rand.NewPCG(l.seed, uint64(n)+1))
	size := random.IntN(16 << 10)
	if random.IntN(10) == 0 {
		size = spool.ContentInlineBytesMax + random.IntN(128<<10)
	}
	from := random.IntN((len(l.text)-size)/ledgerLineBytes) * ledgerLineBytes
	header := fmt.Sprintf("From: poster@example.com\r\nTo: dev@lists.example.com\r\nSubject: letter %d\r\nX-Ledger: %d\r\n\r\n", n, n)
	return append([]byte(header), l.text[from:from+size/ledgerLineBytes*ledgerLineBytes]...)
}

// reversePath names a letter in the spool.
func (m *letter) reversePath() gateway.ReversePath {
	return gateway.ReversePath(fmt.Sprintf("letter%d@example.com", m.number))
}

// write begins a letter.
func (l *ledger) write() (*letter, error) {
	l.mu.Lock()
	n := len(l.letters)
	l.letters = append(l.letters, nil)
	l.mu.Unlock()
	stripped, err := strip(l.content(n))
	m := &letter{number: n, digest: sha256.Sum256(stripped), copies: map[string]int{}}
	l.mu.Lock()
	l.letters[n] = m
	l.mu.Unlock()
	return m, err
}

func (l *ledger) complain(kind, example string) {
	if l.complaints[kind] == nil {
		l.complaints[kind] = &complaint{example: example}
	}
	l.complaints[kind].times++
}

// answered notes the reply to a letter.
func (l *ledger) answered(m *letter, status *gateway.Status) (accepted bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch status.Class() {
	case gateway.Success:
		l.accepted++
		if len(m.copies) < ledgerCopies {
			l.open[m] = true
		}
		return true
	case gateway.Permanent:
		l.complain("refused for good", status.Reply())
	}
	l.replies[fmt.Sprint(status.Code, " ", status.Enhanced)]++
	return false
}

// arrive notes a copy that the upstream MTA took.
func (l *ledger) arrive(t probe.Transaction) {
	draft, err := gateway.OpenDraft(gateway.Bytes(t.Content))
	var stripped []byte
	if err == nil {
		stripped, err = strip(t.Content)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	n, numberErr := strconv.Atoi(draft.Header.Get("X-Ledger"))
	if err = errors.Join(err, numberErr); err != nil || n < 0 || n >= len(l.letters) {
		l.complain("not a letter", string(clip(t.Content)))
		return
	}
	m := l.letters[n]
	if sha256.Sum256(stripped) != m.digest {
		l.complain("changed", draft.Header.Get("X-Ledger"))
	}
	l.copied(m, strings.Join(t.Rcpts, " "), queueID(draft.Header))
}

func (l *ledger) copied(m *letter, member, id string) {
	if m.id == "" {
		m.id = id
	}
	if id != m.id {
		l.complain("accepted twice", m.id+" and "+id)
	}
	if m.copies[member]++; m.copies[member] > 1 {
		l.duplicates++
	}
	if len(m.copies) == ledgerCopies {
		delete(l.open, m)
		select {
		case l.bell <- struct{}{}:
		default:
		}
	}
}

// queueID is the id that the gateway's trace field names.
func queueID(header gateway.Header) string {
	_, rest, _ := strings.Cut(header.Get("Received"), " id ")
	id, _, _ := strings.Cut(rest, " ")
	return strings.TrimSuffix(id, ";")
}

// session sends letters as an MTA does, until the gateway goes away or ctx
// ends; without more, only the one that has no 250 yet. A letter without one is
// sent again: whether the gateway has it cannot be known.
func (l *ledger) session(ctx context.Context, address string, n int, more bool) error {
	client, err := probe.Dial(ctx, address)
	if err != nil {
		return nil
	}
	defer client.Close()
	for m := &l.unanswered[n]; ctx.Err() == nil; {
		if *m == nil {
			if !more {
				return nil
			}
			if *m, err = l.write(); err != nil {
				return err
			}
		}
		replies, err := client.Send(ctx, (*m).reversePath(), []gateway.ForwardPath{"dev@lists.example.com"}, l.content((*m).number))
		if err != nil {
			return nil
		}
		if l.answered(*m, replies[0].Status) {
			*m = nil
		}
		pause(ctx, time.Duration(n+1)*sessionPace)
	}
	return nil
}

// pause returns after d, or when ctx ends.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// load has all sessions send to p, and returns what ends that and waits for it.
func (l *ledger) load(p *process, more bool) (wait func(cut bool)) {
	ctx, cancel := context.WithCancel(p.t.Context())
	var sessions sync.WaitGroup
	for n := range ledgerSessions {
		sessions.Go(func() {
			if err := l.session(ctx, p.lmtp, n, more); err != nil {
				p.t.Error(err)
			}
		})
	}
	return func(cut bool) {
		if cut {
			cancel()
		}
		sessions.Wait()
		cancel()
	}
}

// serve starts the gateway and notes how long that takes.
func (l *ledger) serve() *process {
	begun := time.Now()
	p := l.site.serve()
	l.starts = append(l.starts, time.Since(begun))
	return p
}

// run has the gateway work under load for a random time between 200 and 1,500
// ms, until kill ends it.
func (l *ledger) run(kill func(*process)) {
	p := l.serve()
	wait := l.load(p, true)
	pause(p.t.Context(), 200*time.Millisecond+rand.N(1300*time.Millisecond))
	kill(p)
	wait(false)
	l.kills++
}

// spooled are the reverse-paths of what a gateway that died has in its spool.
// It looks at a copy: the next start is to find all as it was left.
func (s *site) spooled() (paths map[gateway.ReversePath]bool, err error) {
	dir, err := os.MkdirTemp(s.dir, "copy")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if err := os.CopyFS(filepath.Join(dir, "db"), os.DirFS(filepath.Join(s.state(), "db"))); err != nil {
		return nil, err
	}
	db, err := store.Open(store.Options{Dir: filepath.Join(dir, "db")})
	if err != nil {
		return nil, err
	}
	defer db.Close()
	kept, err := spool.Open(spool.Options{Store: db, Dir: dir})
	if err != nil {
		return nil, err
	}
	paths = map[gateway.ReversePath]bool{}
	for row, err := range kept.List() {
		if err != nil {
			return nil, err
		}
		paths[row.ReversePath] = true
	}
	return paths, nil
}

// lost are letters that were answered with 250, did not reach every member, and
// are not in the spool.
func (l *ledger) lost() (numbers []int, err error) {
	paths, err := l.site.spooled()
	if err != nil {
		return nil, fmt.Errorf("read the spool: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for m := range l.open {
		if !paths[m.reversePath()] {
			numbers = append(numbers, m.number)
		}
	}
	slices.Sort(numbers)
	return numbers, nil
}

// balance checks the ledger while the gateway is dead.
func (l *ledger) balance() {
	l.site.t.Helper()
	numbers, err := l.lost()
	if err != nil {
		l.site.t.Fatal(err)
	}
	if len(numbers) > 0 {
		l.site.t.Fatalf("after kill %d, %d letters with a 250 are lost, the first is %d (seed %d)", l.kills, len(numbers), numbers[0], l.seed)
	}
}

// close has the last letters answered and everything delivered, stops the
// gateway in order and checks the ledger to its end.
func (l *ledger) close() {
	t := l.site.t
	t.Helper()
	p := l.serve()
	l.load(p, false)(false)
	l.drain(p)
	p.stop()
	paths, err := l.site.spooled()
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		t.Errorf("%s arrived and is still in the spool", path)
	}
	for kind, c := range l.complaints {
		t.Errorf("%s: %d times, %q for one", kind, c.times, c.example)
	}
	if l.duplicates > l.kills*duplicatesMax {
		t.Errorf("%d copies went out again after %d kills, %d would be in flight at most", l.duplicates, l.kills, l.kills*duplicatesMax)
	}
	t.Logf("%d letters, %d kills: 0 lost, %d copies twice, replies other than 250: %v; a start took %v at most",
		len(l.letters), l.kills, l.duplicates, l.replies, slices.Max(l.starts).Round(time.Millisecond))
}

// until waits for the first time that f holds, with the ledger locked.
func (l *ledger) until(limit time.Duration, what string, f func() bool) {
	l.site.t.Helper()
	late := time.After(limit)
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	for {
		l.mu.Lock()
		ok, replies := f(), maps.Clone(l.replies)
		l.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-look.C:
		case <-late:
			l.site.t.Fatalf("%v are over: %s; replies other than 250: %v", limit, what, replies)
		}
	}
}

// drain waits until every letter with a 250 reached every member.
func (l *ledger) drain(p *process) {
	p.t.Helper()
	for {
		l.mu.Lock()
		left := len(l.open)
		l.mu.Unlock()
		if left == 0 {
			return
		}
		select {
		case <-l.bell:
		case <-time.After(drainPatience):
			p.t.Fatalf("%d letters with a 250 do not arrive (seed %d)\n%s", left, l.seed, p.log)
		}
	}
}

// Whenever the gateway is killed, what it answered with 250 arrives, unchanged,
// and what it did not answer arrives once when it is sent again.
func TestKillLedger(t *testing.T) {
	l := newLedger(newSite(t, ledgerSite))
	for range rounds(20, 200) {
		l.run((*process).kill)
		l.balance()
	}
	l.close()
}
