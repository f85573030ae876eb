package main

import (
	"cmp"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/probe"
)

const (
	throughputMessages = 5000 // of one turn
	throughputSessions = 20
	throughputBytes    = 10 << 10
	deepMessages       = 100_000
	backlogMessages    = 20_000
)

// BenchmarkThroughput has Postfix's smtp-source send messages of 10 kB over 20
// sessions that stay open to a gateway, to `smtp-sink -L`, which discards them,
// and to Postfix's smtpd, by turns on the same disk. The gateway's handler
// edits the Subject; each reply is after its sync; the upstream MTA, another
// smtp-sink, is there, so that deliveries are in progress. It reports medians of the rates and
// of their ratios. p99-ms is the time from MAIL to the reply of 99 of 100
// messages of a load of the same shape, RSS-MiB the most memory that the
// gateway ever had. It wants -benchtime=5x, and $MMGW_POSTFIX_ROOT as
// .ci/run sets it, or an installed Postfix.
func BenchmarkThroughput(b *testing.B) {
	tools := newPostfixTools(b)
	discard := tools.sink(b, "-L")
	postfix := tools.smtpd(b, "")
	s := newSiteBefore(b, tools.sink(b), devSite+"[\"anne@example.com\"]\n")
	p := s.serve()
	m := medians{}
	for b.Loop() {
		sink := tools.rate(b, "-L", discard, throughputMessages)
		gw := tools.rate(b, "-L", p.lmtp, throughputMessages)
		m.add("sink/s", sink)
		m.add("mmgw/s", gw)
		m.add("mmgw/sink", gw/sink)
		s.settle(p)
		if postfix != "" {
			smtpd := tools.rate(b, "", postfix, throughputMessages/5)
			m.add("smtpd/s", smtpd)
			m.add("mmgw/smtpd", gw/smtpd)
		}
	}
	m.add("p99-ms", p99(b, p))
	m.add("RSS-MiB", p.residentMax())
	m.report(b)
	p.stop()
}

// BenchmarkThroughputDeep compares a gateway with 100,000 messages that are
// held with an empty one, by turns, and reports how long the deep one took to
// start. It wants what BenchmarkThroughput does.
func BenchmarkThroughputDeep(b *testing.B) {
	tools := newPostfixTools(b)
	const held = "[\"anne@example.com\"]\n[[list]]\naddress = \"held@lists.example.com\"\nposting = \"moderated\"\n"
	sink := tools.sink(b)
	fresh, deep := newSiteBefore(b, sink, devSite+held), newSiteBefore(b, sink, devSite+held)
	p := deep.serve()
	tools.source(b, "-L", p.lmtp, "held@lists.example.com", 2<<10, deepMessages)
	p.stop()
	begun := time.Now()
	p = deep.serve()
	m := medians{"start-s": {time.Since(begun).Seconds()}}
	q := fresh.serve()
	for b.Loop() {
		few := tools.rate(b, "-L", q.lmtp, throughputMessages)
		fresh.settle(q)
		many := tools.rate(b, "-L", p.lmtp, throughputMessages)
		deep.settle(p)
		m.add("fresh/s", few)
		m.add("deep/s", many)
		m.add("deep/fresh", many/few)
	}
	m.add("RSS-MiB", p.residentMax())
	m.report(b)
	p.stop()
	q.stop()
}

// BenchmarkBacklog has a gateway take messages of 10 kB in, each for a list of one
// member, and then send them, by turns: what comes in is to go out nearly as fast.
// It reports medians of both rates, their ratio, and the processor time that one
// message takes on its way out. It wants -benchtime=5x and what BenchmarkThroughput
// does.
func BenchmarkBacklog(b *testing.B) {
	tools := newPostfixTools(b)
	metrics := freeAddress(b)
	s := newSiteBefore(b, tools.sink(b), devSite+"[\"anne@example.com\"]\n[metrics]\nlisten = \""+metrics+"\"\n")
	o := &outgoing{site: s, p: s.serve(), metrics: metrics}
	m := medians{}
	for b.Loop() {
		before := o.value(delivered)
		in := tools.rate(b, "-L", o.p.lmtp, backlogMessages)
		cpu, begun, early := o.value("process_cpu_seconds_total"), time.Now(), o.value(delivered)-before
		for o.value(delivered)-before < backlogMessages {
			pause(b.Context(), 20*time.Millisecond)
		}
		rest := backlogMessages - early
		out := rest / time.Since(begun).Seconds()
		m.add("in/s", in)
		m.add("out/s", out)
		m.add("out/in", out/in)
		m.add("out-cpu-µs", (o.value("process_cpu_seconds_total")-cpu)*1e6/rest)
		s.settle(o.p)
	}
	m.report(b)
	o.p.stop()
}

// medians are values of several turns, by their units.
type medians map[string][]float64

func (m medians) add(unit string, value float64) { m[unit] = append(m[unit], value) }

func (m medians) report(b *testing.B) {
	b.ReportMetric(0, "ns/op")
	for unit, values := range m {
		slices.Sort(values)
		b.ReportMetric(values[len(values)/2], unit)
	}
}

// p99 is the time in ms within which 99 of 100 messages get their reply.
func p99(b *testing.B, p *process) float64 {
	b.Helper()
	summary, err := probe.Load{
		Address: p.lmtp, From: "a@example.com", To: []gateway.ForwardPath{"dev@lists.example.com"},
		Count: throughputMessages, Sessions: throughputSessions, SizeBytes: throughputBytes,
	}.Run(b.Context())
	if err != nil || summary.Accepted != throughputMessages {
		b.Fatalf("%+v, %v", summary, err)
	}
	return summary.P99Ms
}

// residentMax is the largest resident set of a process until now, in MiB.
func (p *process) residentMax() float64 {
	p.t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.command.Process.Pid))
	if err != nil {
		p.t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "VmHWM:")
	kib, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
	if err != nil {
		p.t.Fatal(err)
	}
	return kib / 1024
}

// settle waits until all that can be delivered is.
func (s *site) settle(p *process) {
	s.t.Helper()
	for {
		out, err := exec.Command("mmgw", "queue", "ls", "--list", "dev@lists.example.com", "--json", "--config", s.file()).Output()
		if err != nil {
			s.t.Fatalf("mmgw queue ls: %v\n%s", err, p.log)
		}
		if strings.TrimSpace(string(out)) == "[]" {
			return
		}
		pause(s.t.Context(), 500*time.Millisecond)
	}
}

// postfixTools are smtp-source, smtp-sink and Postfix itself.
type postfixTools struct{ root, dir string }

func newPostfixTools(b *testing.B) *postfixTools {
	b.Helper()
	t := &postfixTools{root: cmp.Or(os.Getenv("MMGW_POSTFIX_ROOT"), "/"), dir: b.TempDir()}
	if _, err := os.Stat(t.path("usr/sbin/smtp-source")); err != nil {
		b.Skipf("Postfix is not in %s, which $MMGW_POSTFIX_ROOT may name", t.root)
	}
	for _, dir := range []string{t.dir, filepath.Dir(t.dir)} {
		if err := os.Chmod(dir, 0o755); err != nil { // Postfix reads there as a user of its own
			b.Fatal(err)
		}
	}
	return t
}

func (t *postfixTools) path(name string) string { return filepath.Join(t.root, name) }

func (t *postfixTools) command(name string, args ...string) *exec.Cmd {
	c := exec.Command(t.path(name), args...)
	c.Env = append(os.Environ(), "LD_LIBRARY_PATH="+t.path("usr/lib/postfix"), "MAIL_CONFIG="+filepath.Join(t.dir, "etc"))
	return c
}

// start runs a command that listens, until the benchmark ends.
func (t *postfixTools) start(b *testing.B, address string, c *exec.Cmd) {
	b.Helper()
	c.Stderr = os.Stderr
	if err := c.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		c.Process.Signal(os.Interrupt)
		c.Process.Kill()
		c.Wait()
	})
	listens(b, address)
}

// listens waits until somebody takes connections.
func listens(t testing.TB, address string) {
	t.Helper()
	late := time.Now().Add(patience)
	for {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			conn.Close()
			return
		}
		if time.Now().After(late) {
			t.Fatal(err)
		}
		pause(t.Context(), 20*time.Millisecond)
	}
}

// freeAddress is a loopback address whose port nobody has at this moment.
func freeAddress(t testing.TB) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// sink starts an smtp-sink and returns its address.
func (t *postfixTools) sink(b *testing.B, args ...string) string {
	b.Helper()
	address := freeAddress(b)
	if os.Getuid() == 0 {
		args = append(args, "-u", "daemon")
	}
	t.start(b, address, t.command("usr/sbin/smtp-sink", append(args, address, "1000")...))
	return address
}

// rate sends messages to the list and returns how many went through in a second.
func (t *postfixTools) rate(b *testing.B, flag, address string, messages int) float64 {
	b.Helper()
	begun := time.Now()
	t.source(b, flag, address, "dev@lists.example.com", throughputBytes, messages)
	return float64(messages) / time.Since(begun).Seconds()
}

func (t *postfixTools) source(b *testing.B, flag, address, to string, size, messages int) {
	b.Helper()
	args := []string{"-d", "-s", strconv.Itoa(throughputSessions), "-l", strconv.Itoa(size), "-m", strconv.Itoa(messages),
		"-f", "a@example.com", "-t", to, address}
	if flag != "" {
		args = append([]string{flag}, args...)
	}
	if out, err := t.command("usr/sbin/smtp-source", args...).CombinedOutput(); err != nil || len(out) > 0 {
		b.Fatalf("smtp-source: %v\n%s", err, out)
	}
}
