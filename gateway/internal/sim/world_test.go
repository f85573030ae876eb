package sim

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/notice"
	"github.com/mmgw/mmgw/gateway/roster"
)

// rules are what a game is played by.
type rules struct {
	seed  uint64
	calm  bool  // neither crashes nor misfortune
	fault fault // of the gateway, for a control
}

// world is one game.
type world struct {
	rules
	rng      *rand.Rand
	disk     *disk
	process  *process
	clients  *clients
	hosts    *hosts
	handlers *handlers
	ledger   *ledger
	lists    []roster.FileList
	texts    *notice.Texts
	expiry   time.Duration

	power  time.Time // when the next misfortune comes
	starts int
	over   bool // nothing can be played any more
	story  []string
}

// epoch is when games begin: after the first queue id.
var epoch = time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)

// stepsMax is far more than a game has: one that goes on for so long stands
// still. One with a fault may, and has shown it long before.
const (
	stepsMax        = 50_000
	controlStepsMax = 3000
)

func (w *world) stepsMax() int {
	if w.fault != "" {
		return controlStepsMax
	}
	return stepsMax
}

// play plays a game to its end and returns what went wrong, and all that
// happened. It must run in a bubble.
func play(r rules) (wrongs, story []string) {
	time.Sleep(time.Until(epoch))
	w := &world{rules: r, rng: rand.New(rand.NewPCG(r.seed, 1)), disk: newDisk()}
	w.ledger = newLedger(w)
	var err error
	if w.texts, err = notice.Open(""); err != nil {
		w.ledger.fail("%v", err)
		return w.ledger.wrongs, nil
	}
	w.handlers = &handlers{w: w}
	w.clients = &clients{w: w, contents: map[string]string{}}
	w.hosts = &hosts{w: w, outages: map[string][2]time.Time{}, greeted: map[string]int{}, taken: map[string]int{}}
	w.expiry = []time.Duration{4 * time.Hour, 24 * time.Hour, 5 * 24 * time.Hour}[w.rng.IntN(3)]
	w.found()
	w.clients.write(5+w.rng.IntN(6), 12*time.Hour)
	for _, route := range []string{"", "forward backend"} {
		begin := time.Now().Add(w.clients.delay(12 * time.Hour))
		w.hosts.outages[route] = [2]time.Time{begin, begin.Add(w.clients.delay(w.expiry * 5 / 4))}
	}
	w.power = time.Now().Add(w.clients.delay(time.Hour))
	if w.start() {
		w.run()
		w.end()
	}
	w.process.stop()
	return w.ledger.wrongs, w.story
}

// found makes the lists: dev with members of every kind, and news, to which
// only members post, in some games with more of them than fit into a batch.
func (w *world) found() {
	list := func(name string, posting gateway.Posting, members ...string) {
		address := gateway.ForwardPath(name + "@" + listDomain)
		l := roster.FileList{List: gateway.List{
			ID: gateway.NewListID(address), Address: address, Posting: posting,
			Owners: []gateway.ForwardPath{gateway.ForwardPath([]string{"good", "dead", "grey"}[w.rng.IntN(3)] + "1@" + ownersDomain)},
		}}
		for _, member := range members {
			l.Members = append(l.Members, gateway.Recipient{Path: gateway.ForwardPath(member + "@" + name + ".example")})
		}
		w.lists = append(w.lists, l)
	}
	list("dev", gateway.PostingAnyone, "good1", "good2", "good3", "dead1", "never1", "grey1", "spam1")
	var many []string
	for i := range 1 + w.rng.IntN(4) {
		many = append(many, fmt.Sprintf("good%d", i))
	}
	if w.rng.IntN(20) == 0 {
		for i := range gateway.BatchRecipientsMax + 50 {
			many = append(many, fmt.Sprintf("good%d", 10+i))
		}
	}
	list("news", []gateway.Posting{gateway.PostingAnyone, gateway.PostingMembers}[w.rng.IntN(2)], many...)
}

// start begins a process on what is on the disk. It says whether there is one:
// a database that cannot be opened ends the game.
func (w *world) start() bool {
	for {
		memory := w.disk.mend()
		if !w.calm && w.rng.IntN(8) == 0 {
			w.cutPower(1 + w.rng.IntN(8))
		}
		var err error
		w.starts++
		w.process, err = w.open(memory)
		if err == nil && !w.disk.dark() {
			w.ledger.restarted(w.process)
		}
		switch {
		case w.disk.dark():
			w.tell("the power goes at a start")
			w.process.stop()
			continue
		case err != nil:
			w.ledger.fail("start: %v", err)
			w.over = true
			return false
		}
		w.tell("started, %+v", w.process.queue.Count())
		return true
	}
}

// step does one thing, and starts again if the power went meanwhile.
func (w *world) step(f func()) bool {
	f()
	if !w.disk.dark() {
		return true
	}
	w.tell("the power is gone")
	return w.restart()
}

func (w *world) restart() bool {
	w.process.stop()
	return w.start()
}

// sleepMax is how long the gateway runs without anything to do. It spends
// longer waits switched off: its database looks for work ten times a second,
// also on a clock that costs nothing.
const sleepMax = 3 * time.Minute

// run plays until nothing is left to do.
func (w *world) run() {
	for range w.stepsMax() {
		now := time.Now()
		letter := w.clients.next()
		switch {
		case !w.calm && !now.Before(w.power):
			if !w.step(w.misfortune) {
				return
			}
		case letter != nil && !now.Before(letter.due):
			if !w.step(func() { w.clients.send(letter, w.fault.intake(w.process.intake)) }) {
				return
			}
			if !w.calm && w.rng.IntN(10) == 0 { // right after the replies
				w.cutPower(0)
				if !w.step(func() {}) {
					return
				}
			}
		default:
			if due := w.process.queue.Next(now, 1); len(due) > 0 {
				if !w.step(func() { w.process.handle(due[0]) }) {
					return
				}
			} else if more := w.wait(letter); !more {
				return
			}
		}
	}
	w.ledger.fail("the game does not end: %+v", w.process.queue.Count())
}

// wait goes on to the next moment at which there is something to do, and says
// whether there is one.
func (w *world) wait(letter *letter) bool {
	at, some := w.process.queue.Wake()
	if letter != nil && (!some || letter.due.Before(at)) {
		at, some = letter.due, true
	}
	if !some {
		return false
	}
	if !w.calm && w.power.Before(at) {
		at = w.power
	}
	if time.Until(at) < sleepMax {
		time.Sleep(time.Until(at))
		return true
	}
	w.disk.waitForRoom()
	w.process.stop()
	time.Sleep(time.Until(at))
	return w.start()
}

func (w *world) cutPower(n int) {
	w.disk.cutPower(n, []int{0, 50, 100}[w.rng.IntN(3)], w.rng.Uint64())
}

// misfortune befalls the gateway, or its operator does something.
func (w *world) misfortune() {
	w.power = time.Now().Add(w.clients.delay(w.expiry / 6))
	switch w.rng.IntN(8) {
	case 0, 1, 2:
		n := w.rng.IntN(12)
		w.tell("the power goes at change %d", n)
		w.cutPower(n)
	case 3:
		until := time.Now().Add(w.clients.delay(2 * time.Minute))
		w.tell("the disk is full until %v", until)
		w.disk.misfortune(func(d *disk) { d.full = until })
	case 4:
		w.tell("contents fail")
		w.disk.misfortune(func(d *disk) { d.spoilt = 1 + w.rng.IntN(2) })
	case 5, 6, 7:
		if w.fault != keeps {
			w.operate()
		}
	}
}

// operate releases or drops what is held.
func (w *world) operate() {
	p := w.process
	for row, err := range p.spool.List() {
		if err != nil || row.Stage != gateway.StageHeld || w.rng.IntN(2) == 0 {
			continue
		}
		if w.rng.IntN(4) == 0 {
			if p.spool.Drop(row.ID) == nil && !w.disk.dark() {
				w.tell("dropped %s", row.ID)
				p.queue.Remove(row.ID)
				w.ledger.droppedAll(row.ID)
			}
			return
		}
		entries, err := p.spool.Release(row.ID, time.Now())
		w.tell("released %s: %d entries, %v", row.ID, len(entries), err)
		if err != nil {
			return
		}
		for _, e := range entries {
			p.queue.Add(p.dated(e))
		}
		return
	}
}

// end has the last process do what is left after a start in good order.
func (w *world) end() {
	w.calm = true
	w.disk.waitForRoom()
	w.disk.mend()
	for range 2 {
		if w.over || !w.restart() {
			return
		}
		w.run()
	}
	if !w.over {
		w.ledger.judge(w.process)
	}
}

// tell adds a line to the story of the game.
func (w *world) tell(format string, args ...any) {
	w.story = append(w.story, time.Now().Format("02 15:04:05.000 ")+fmt.Sprintf(format, args...))
}

// lines are the last ones of a story.
func lines(story []string, n int) string { return strings.Join(story[max(len(story)-n, 0):], "\n") }

func again(seed uint64) string {
	return fmt.Sprintf("go test ./gateway/internal/sim -run TestGames -seed %d", seed)
}
