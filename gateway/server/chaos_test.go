package server

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/admin"
	"github.com/mmgw/mmgw/gateway/modules"
	"github.com/mmgw/mmgw/gateway/probe"
	"github.com/mmgw/mmgw/gateway/queue"
	"github.com/mmgw/mmgw/gateway/store"
)

// chaosLists are a list that everybody may post to, whose members anne and bart
// nobody touches, and one whose posts wait for a moderator.
const chaosLists = "max_messages_per_connection = 5\n" +
	"[[list]]\naddress = \"dev@lists.example.com\"\nmembers = [\"anne@example.com\", \"bart@example.com\", \"dead@example.com\"]\nposting = \"anyone\"\nincoming = [\"refuse\"]\n" +
	"[[list]]\naddress = \"mod@lists.example.com\"\nmembers = [\"anne@example.com\", \"bart@example.com\"]\nposting = \"moderated\"\nmoderators = [\"ruler@example.com\"]\n" +
	"[plugins.refuse]\nfuel = 5_000_000\n[plugins.refuse.config]\nwords = [\"forbidden\"]\n"

// TestChaosOfOperators has several people change everything there is to change
// while mail comes, goes and fails, over several lives of a gateway on one state
// directory. Then it comes to rest, and nothing may be lost, double or left over.
// MMGW_LONG=1 does it for minutes; MMGW_SEED repeats a choice, but not its timing.
func TestChaosOfOperators(t *testing.T) {
	lives, life, seed := 3, 600*time.Millisecond, rand.Uint64()
	if os.Getenv("MMGW_LONG") == "1" {
		lives, life = 20, 10*time.Second
	}
	if text := os.Getenv("MMGW_SEED"); text != "" {
		fmt.Sscan(text, &seed)
	}
	t.Logf("MMGW_SEED=%d", seed)
	watchdog := time.AfterFunc(time.Duration(lives)*life+2*time.Minute, func() {
		pprof.Lookup("goroutine").WriteTo(os.Stderr, 2)
		panic("the gateway does not come to rest")
	})
	defer watchdog.Stop()
	before := runtime.NumGoroutine()
	t.Run("", func(t *testing.T) {
		c := newChaos(t, seed)
		for n := range lives {
			t.Run(fmt.Sprint(n), func(t *testing.T) { c.live(t, life) })
		}
		t.Run("rest", c.rest)
		c.book.audit(t)
	})
	waitUntil(t, func() bool { return runtime.NumGoroutine() <= before })
}

// chaos is one gateway after the other, and the world around them.
type chaos struct {
	*place
	book  *book
	hosts *moodyHosts

	mu   sync.Mutex
	rng  *rand.Rand
	seen []*modules.Version
}

func newChaos(t *testing.T, seed uint64) *chaos {
	c := &chaos{place: newPlace(t), rng: rand.New(rand.NewPCG(seed, 0))}
	c.example("refuse")
	c.book = newBook(filepath.Join(c.dir, "s", "log", "deliveries.jsonl"))
	c.hosts = newMoodyHosts(t, c)
	return c
}

// n is a number below most.
func (c *chaos) n(most int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.rng.IntN(most)
}

func (c *chaos) pick(texts ...string) string { return texts[c.n(len(texts))] }

// live is one life of the gateway, from start to stop, with everything going on.
func (c *chaos) live(t *testing.T, life time.Duration) {
	c.hosts.calm.Store(false)
	s := c.start(t, chaosLists)
	ctx, stop := context.WithTimeout(t.Context(), life)
	defer stop()
	var people sync.WaitGroup
	for range 3 {
		people.Go(func() { c.sendUntil(ctx, t) })
		people.Go(func() { c.operateUntil(ctx, t, s) })
	}
	people.Go(func() { c.ruleUntil(ctx, t) })
	people.Go(func() { c.exchangeUntil(ctx, t, s) })
	people.Wait()
	c.hosts.calm.Store(true)
	c.agree(t, s)
	c.areClosed(t)
}

// start is place.run with hosts that have moods, and a log that is read.
func (c *chaos) start(t *testing.T, text string) *Server {
	t.Helper()
	cfg := c.load(text)
	ctx, stop := context.WithCancel(context.Background())
	ready := make(chan struct{})
	s, err := Open(ctx, cfg, Env{Ready: func() { close(ready) }, DialContext: c.hosts.dial, Log: c.book.logger()})
	if err != nil {
		stop()
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := errors.Join(<-served, s.Close()); err != nil {
			t.Errorf("stop: %v", err)
		}
		c.book.readDeliveries(t)
	})
	<-ready
	return s
}

// rest is a last life in which nothing fails: all that is held is released, all
// that waits is tried, until nothing is left.
func (c *chaos) rest(t *testing.T) {
	s := c.start(t, chaosLists)
	c.do(t, s, "list.create", NewList{Address: "made@lists.example.com"}) // posts to a list that is gone wait for it
	late := time.Now().Add(time.Minute)
	waitUntil(t, func() bool {
		var ids []string
		for row, err := range s.spool.List() {
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, row.ID.String())
		}
		if len(ids) > 0 {
			c.do(t, s, "queue.release", QueueIDs{IDs: ids})
			c.do(t, s, "queue.retry", QueueIDs{IDs: ids})
		}
		if len(ids) > 0 && time.Now().After(late) {
			t.Errorf("left: %+v", call[QueueRows](t, s, "queue.ls", QueueSelection{}))
			return true
		}
		return len(ids) == 0
	})
	c.agree(t, s)
	c.isEmpty(t, s)
}

// isEmpty checks that no message that has gone is kept, nor taken for damaged.
func (c *chaos) isEmpty(t *testing.T, s *Server) {
	t.Helper()
	for _, space := range []store.Space{store.SpoolIndex, store.SpoolDamaged} {
		for item, err := range s.store.Prefix(space.Key(), nil) {
			t.Errorf("left in the database: %x, %v", item.Key, err)
		}
	}
	for _, name := range []string{"content", "damaged"} {
		files, err := os.ReadDir(filepath.Join(c.dir, "s", name))
		if len(files) > 0 || err != nil {
			t.Errorf("left in %s: %v, %v", name, files, err)
		}
	}
}

// agree checks that the queue and the spool come to say the same.
func (c *chaos) agree(t *testing.T, s *Server) {
	t.Helper()
	var problem string
	late := time.Now().Add(10 * time.Second)
	waitUntil(t, func() bool {
		problem = disagreement(s)
		return problem == "" || time.Now().After(late)
	})
	if problem != "" {
		t.Error(problem)
	}
}

// disagreement says what the spool has and nobody is going to do, or what the
// queue holds for nobody, "" for nothing. Other entries of the queue are found out
// when their turn comes.
func disagreement(s *Server) string {
	inQueue := map[gateway.BatchKey]gateway.Entry{}
	s.line.change(func(q *queue.Queue) {
		for e := range q.All() {
			inQueue[keyOf(*e)] = *e
		}
	})
	for e, err := range s.spool.Entries() {
		there, ok := inQueue[keyOf(e)]
		delete(inQueue, keyOf(e))
		switch {
		case err != nil:
			return err.Error()
		case e.Batch != gateway.ExpandLeg && e.Expires.IsZero():
			return fmt.Sprintf("%+v is never given up", e)
		case !ok || e.Stage != gateway.StageHeld && there.Stage == gateway.StageHeld:
			return fmt.Sprintf("the spool has %+v, the queue %+v, %v", e, there, ok)
		}
	}
	for _, e := range inQueue {
		if e.Stage != gateway.StageHeld {
			continue
		}
		return fmt.Sprintf("the queue has %+v, the spool has not", e)
	}
	return ""
}

// areClosed checks that modules which were exchanged are not open any more.
func (c *chaos) areClosed(t *testing.T) {
	t.Helper()
	x := &gateway.Exchange{Phase: gateway.PhaseIncoming, Message: &gateway.Message{}, Leg: &gateway.Leg{Service: gateway.Post}}
	x.Draft, _ = gateway.OpenDraft(gateway.Bytes("Subject: hello\r\n\r\n"))
	open := 0
	for _, v := range c.seen {
		if _, err := v.Plugin.Handle(t.Context(), x); err == nil {
			open++
		}
	}
	if open > 2 { // the present one, and the one before while that is on trial
		t.Errorf("%d of %d versions are open", open, len(c.seen))
	}
	c.seen = nil
}

// sendUntil posts to the lists, by connections of its own.
func (c *chaos) sendUntil(ctx context.Context, t *testing.T) {
	for ctx.Err() == nil {
		token := fmt.Sprintf("t%d", c.book.next())
		list := c.pick("dev", "dev", "mod", "made")
		content := "From: " + token + "@senders.example.com\r\nSubject: " + c.pick("post", "post", "post", "forbidden") + "\r\nMessage-ID: <" + token + "@x>\r\n\r\nhi\r\n"
		if c.n(10) == 0 {
			content += strings.Repeat("a large one, in a file of its own\r\n", 3000)
		}
		c.book.sent(token, list, c.mail(t, gateway.ReversePath(token+"@senders.example.com"), gateway.ForwardPath(list+"@lists.example.com"), content))
	}
}

// mail hands one message in and returns its reply, "" where there was none.
func (c *chaos) mail(t *testing.T, from gateway.ReversePath, to gateway.ForwardPath, content string) string {
	client, err := probe.Dial(t.Context(), "unix:"+filepath.Join(c.dir, "lmtp.sock"))
	if err != nil {
		t.Error(err)
		return ""
	}
	defer client.Close()
	replies, err := client.Send(t.Context(), from, []gateway.ForwardPath{to}, []byte(content))
	if err != nil {
		t.Error(err)
		return ""
	}
	reply := replies[0].Status.Reply()
	if !strings.HasPrefix(reply, "250") && !strings.HasPrefix(reply, "550") {
		t.Errorf("%s: %s", to, reply)
	}
	return reply
}

// ruleUntil answers what the moderator is asked, and sometimes twice.
func (c *chaos) ruleUntil(ctx context.Context, t *testing.T) {
	for {
		select {
		case <-ctx.Done():
			return
		case addresses := <-c.hosts.asked:
			for range 1 + c.n(2) {
				to := gateway.ForwardPath(c.pick(addresses...))
				c.mail(t, "ruler@example.com", to, "From: ruler@example.com\r\nSubject: confirm\r\n\r\n")
			}
		}
	}
}

// operateUntil does what operators do, at random.
func (c *chaos) operateUntil(ctx context.Context, t *testing.T, s *Server) {
	for ctx.Err() == nil {
		members := MemberChange{List: c.pick("dev@lists.example.com", "made@lists.example.com"), Members: []string{c.pick("carl@example.com", "dora@example.com", "dead@example.com")}}
		addresses := SuppressionChange{Addresses: []string{c.pick("carl@example.com", "ever@example.com")}}
		switch c.n(16) {
		case 0:
			c.do(t, s, "list.create", NewList{Address: "made@lists.example.com", ListSettings: ListSettings{Posting: new("anyone")}})
		case 1:
			c.do(t, s, "list.delete", ListName{"made@lists.example.com"})
		case 2:
			c.do(t, s, "member.add", members)
		case 3:
			c.do(t, s, c.pick("member.remove", "member.reset"), members)
		case 4:
			c.do(t, s, "member.ls", MemberPage{List: members.List})
		case 5:
			c.do(t, s, c.pick("suppress.add", "suppress.rm"), addresses)
		case 6:
			c.do(t, s, c.pick("queue.ls", "queue.top", "suppress.ls", "list.ls", "list.inventory", "plugin.ls"), Nothing{})
		case 7:
			c.do(t, s, "verp.rotate", Nothing{})
		default:
			c.rule(t, s)
		}
	}
}

// rule does something to a few messages of the spool.
func (c *chaos) rule(t *testing.T, s *Server) {
	var ids []string
	for row := range s.spool.List() {
		if c.n(4) == 0 {
			ids = append(ids, row.ID.String())
		}
		if len(ids) == 5 {
			break
		}
	}
	if len(ids) == 0 {
		return
	}
	c.do(t, s, "queue.show", QueueID{ids[0]})
	c.do(t, s, c.pick("queue.hold", "queue.hold", "queue.release", "queue.release", "queue.retry", "queue.bounce", "queue.drop"), QueueIDs{IDs: ids, By: "chaos"})
}

// do calls an operation, which may be refused because of what others do.
func (c *chaos) do(t *testing.T, s *Server, name string, args any) {
	err := s.Operations().Call(t.Context(), name, args, nil)
	if err != nil && !errors.Is(err, gateway.ErrNotSpooled) && admin.AsError(err).Exit != admin.ExitData {
		t.Errorf("%s: %v", name, err)
	}
}

// exchangeUntil changes modules and configurations.
func (c *chaos) exchangeUntil(ctx context.Context, t *testing.T, s *Server) {
	for i := 0; ctx.Err() == nil; i++ {
		if v := s.loaded.Load().modules["refuse"].Present(); !slices.Contains(c.seen, v) {
			c.seen = append(c.seen, v)
		}
		switch c.n(5) {
		case 0:
			c.do(t, s, "plugin.swap", PluginSwap{Name: "refuse", Wasm: module(t, "spin")})
		case 1:
			c.do(t, s, "plugin.swap", PluginSwap{Name: "refuse", Reset: true})
		case 2:
			c.do(t, s, "plugin.rollback", PluginName{"refuse"})
		default:
			text := chaosLists + fmt.Sprintf("changed = %d\n", i)
			if c.n(2) == 0 {
				text += fmt.Sprintf("[[list]]\naddress = \"now%d@lists.example.com\"\nincoming = []\n", i%3)
			}
			if err := s.Reload(t.Context(), c.load(text)); err != nil {
				t.Errorf("reload: %v", err)
			}
		}
	}
}

// TestReleasedByMailHasAnEnd: what a moderator lets go on is given up in time,
// as all mail is.
func TestReleasedByMailHasAnEnd(t *testing.T) {
	c := newChaos(t, 1)
	c.hosts.calm.Store(true)
	s := c.start(t, strings.Replace(chaosLists, "bart@example.com", "late@example.com", 2))
	c.mail(t, "anne@example.com", "mod@lists.example.com", "From: anne@example.com\r\nSubject: post\r\n\r\nhi\r\n")
	release := (<-c.hosts.asked)[0]
	c.mail(t, "ruler@example.com", gateway.ForwardPath(release), "From: ruler@example.com\r\nSubject: confirm\r\n\r\n")
	waitUntil(t, func() bool {
		for e := range s.spool.Entries() {
			if e.Batch == 0 && e.List == "mod.lists.example.com" && e.Attempt > 0 {
				if e.Expires.IsZero() {
					t.Error("it is tried for ever")
				}
				return true
			}
		}
		return false
	})
}
