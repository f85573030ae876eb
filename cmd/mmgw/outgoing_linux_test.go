package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mmgw/mmgw/gateway"
)

const (
	outgoingCopies      = 10_000
	outgoingConnections = 20
	outgoingBytes       = 10 << 10
	offloadCopies       = 5_000
	tripTime            = 50 * time.Millisecond
)

// outgoing is a gateway with lists of many members, and what it says of itself.
type outgoing struct {
	*site
	p       *process
	metrics string
	posts   int
}

// newOutgoing starts a gateway before an upstream MTA with a list for each of
// sizes, named "n" and its size. mta are lines of [mta], more are sections.
func newOutgoing(b *testing.B, upstream, mta, more string, sizes ...int) *outgoing {
	b.Helper()
	return newOutgoingOf(b, upstream, mta, more, "", sizes...)
}

// newOutgoingOf is newOutgoing with further lines of each list.
func newOutgoingOf(b *testing.B, upstream, mta, more, ofList string, sizes ...int) *outgoing {
	b.Helper()
	o := &outgoing{metrics: freeAddress(b)}
	text := mta + "\n[metrics]\nlisten = \"" + o.metrics + "\"\n" + more
	for _, size := range sizes {
		text += fmt.Sprintf("\n[[list]]\naddress = \"n%d@lists.example.com\"\nposting = \"anyone\"\nmembers = \"n%d.members\"\n%s", size, size, ofList)
	}
	o.site = newSiteBefore(b, upstream, text)
	for _, size := range sizes {
		var members bytes.Buffer
		for i := range size {
			fmt.Fprintf(&members, "member%d@example%d.com\n", i, i%97)
		}
		if err := os.WriteFile(filepath.Join(o.dir, fmt.Sprintf("n%d.members", size)), members.Bytes(), 0o644); err != nil {
			b.Fatal(err)
		}
	}
	o.p = o.serve()
	return o
}

// value reads one of the gateway's metrics.
func (o *outgoing) value(name string) float64 {
	o.t.Helper()
	client := http.Client{Transport: &http.Transport{DisableCompression: true, DisableKeepAlives: true}}
	answer, err := client.Get("http://" + o.metrics + "/metrics")
	if err != nil {
		o.t.Fatalf("%v\n%s", err, o.p.log)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		o.t.Fatal(err)
	}
	_, rest, found := strings.Cut("\n"+string(text), "\n"+name+" ")
	line, _, _ := strings.Cut(rest, "\n")
	value, err := strconv.ParseFloat(line, 64)
	if !found || err != nil {
		o.t.Fatalf("no metric %s: %q", name, line)
	}
	return value
}

const delivered = `mmgw_attempts_total{outcome="delivered"}`

// post sends one message to the list of so many members.
func (o *outgoing) post(size, octets int) {
	o.t.Helper()
	o.posts++
	content := fmt.Sprintf("From: a@example.com\r\nTo: n%d@lists.example.com\r\nSubject: post\r\nMessage-ID: <%d@example.com>\r\n\r\n", size, o.posts)
	line := strings.Repeat("x", 76) + "\r\n"
	content += strings.Repeat(line, (octets-len(content))/len(line))
	to := []gateway.ForwardPath{gateway.ForwardPath(fmt.Sprintf("n%d@lists.example.com", size))}
	client := o.p.client()
	defer client.Close()
	replies, err := client.Send(o.t.Context(), "a@example.com", to, []byte(content))
	if err != nil || replies[0].Status.Class() != gateway.Success {
		o.t.Fatalf("%v, %+v", err, replies)
	}
}

// deliver posts to the list of so many members, and returns when every copy
// was answered 250, and how long that took. It looks seldom, for a look costs
// the gateway as much as ten copies: when half of the rest should be through.
func (o *outgoing) deliver(size int) time.Duration {
	o.t.Helper()
	from, begun := o.value(delivered), time.Now()
	o.post(size, outgoingBytes)
	shortest := max(time.Duration(size)*time.Microsecond, 5*time.Millisecond)
	for {
		done := o.value(delivered) - from
		if done >= float64(size) {
			return time.Since(begun)
		}
		half := time.Duration(float64(time.Since(begun)) * (float64(size) - done) / max(done, 1) / 2)
		pause(o.t.Context(), min(max(half, shortest), 20*shortest))
	}
}

const twentyConnections = "max_connections = 20\nmax_messages_per_connection = 100000\n"

// BenchmarkOutgoing sends one post to 10,000 members, each in a transaction of
// its own, over 20 connections to Postfix's smtp-sink, by turns with `smtp-source
// -s 20` to the same: medians of the rates and of their ratio, and the processor
// time of one copy on either side. It wants -benchtime=5x and $MMGW_POSTFIX_ROOT
// as BenchmarkThroughput does.
func BenchmarkOutgoing(b *testing.B) {
	tools := newPostfixTools(b)
	sink := tools.sink(b)
	o := newOutgoing(b, sink, twentyConnections, "", outgoingCopies)
	o.deliver(outgoingCopies)
	m := medians{}
	for b.Loop() {
		cpu := o.value("process_cpu_seconds_total")
		ours := outgoingCopies / o.deliver(outgoingCopies).Seconds()
		m.add("mmgw-cpu-µs/copy", (o.value("process_cpu_seconds_total")-cpu)*1e6/outgoingCopies)
		source := tools.rate(b, "", sink, outgoingCopies)
		m.add("copies/s", ours)
		m.add("smtp-source/s", source)
		m.add("share", ours/source)
	}
	m.report(b)
	o.p.stop()
}

// BenchmarkOutgoingMailman is BenchmarkOutgoing by turns with GNU Mailman 3, which
// sends to fewer members, and takes as long for each. It wants $MMGW_MAILMAN_ROOT.
func BenchmarkOutgoingMailman(b *testing.B) {
	const copies = 300
	tools := newPostfixTools(b)
	sink := tools.sink(b)
	core := newMailman(b, freeAddress(b), sink, "verp_delivery_interval: 1\n")
	members := make([]string, copies)
	for i := range members {
		members[i] = fmt.Sprintf("member%d@example%d.com", i, i%97)
	}
	core.create("n@mm3.example.com", members...)
	core.start("lmtp", "in", "pipeline", "out")
	o := newOutgoing(b, sink, twentyConnections, "", outgoingCopies)
	o.deliver(outgoingCopies)
	content := "From: member0@example0.com\r\nTo: n@mm3.example.com\r\nSubject: post\r\n\r\n" + strings.Repeat(strings.Repeat("x", 76)+"\r\n", outgoingBytes/78)
	m := medians{}
	for b.Loop() {
		theirs := core.rate("member0@example0.com", "n@mm3.example.com", []byte(content))
		ours := outgoingCopies / o.deliver(outgoingCopies).Seconds()
		m.add("copies/s", ours)
		m.add("mailman/s", theirs)
		m.add("times", ours/theirs)
	}
	m.report(b)
	o.p.stop()
}

// BenchmarkOutgoingSigned is BenchmarkOutgoing by turns without a signature, with
// one for each post, and with one for each copy, which has a link of its member's
// own in a signed field. Keys are RSA of 2,048 bits.
func BenchmarkOutgoingSigned(b *testing.B) {
	tools := newPostfixTools(b)
	sink, keys := tools.sink(b), b.TempDir()
	if out, err := exec.Command("mmgw", "dkim", "new", "--type", "rsa", "--selector", "s1", "--dir", keys, "lists.example.com").CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	files, err := filepath.Glob(filepath.Join(keys, "*"))
	if err != nil || len(files) != 1 {
		b.Fatal(files, err)
	}
	auth := fmt.Sprintf("[[auth.dkim]]\ndomain = \"lists.example.com\"\nselector = \"s1\"\nkey_file = %q\n", files[0])
	link := fmt.Sprintf("[http]\nlisten = %q\nurl = \"https://lists.example.com/\"\n", freeAddress(b))
	ways := map[string]*outgoing{
		"none":     newOutgoing(b, sink, twentyConnections, "", outgoingCopies),
		"per-post": newOutgoing(b, sink, twentyConnections, auth, outgoingCopies),
		"per-copy": newOutgoingOf(b, sink, twentyConnections, auth+link, "unsubscribe = \"member\"\n", outgoingCopies),
	}
	m := medians{}
	for b.Loop() {
		for name, o := range ways {
			cpu := o.value("process_cpu_seconds_total")
			m.add(name+"/s", outgoingCopies/o.deliver(outgoingCopies).Seconds())
			m.add(name+":cpu-µs", (o.value("process_cpu_seconds_total")-cpu)*1e6/outgoingCopies)
		}
	}
	m.report(b)
	for _, o := range ways {
		o.p.stop()
	}
}

// BenchmarkOutgoingDistant has one connection to an upstream MTA that is 50 ms
// of round-trip time away, and reports the round trips of one message.
func BenchmarkOutgoingDistant(b *testing.B) {
	tools := newPostfixTools(b)
	const copies = 100
	o := newOutgoing(b, distant(b, tools.sink(b), tripTime/2), "max_connections = 1\nmax_messages_per_connection = 100000\n", "", copies)
	o.deliver(copies)
	m := medians{}
	for b.Loop() {
		m.add("trips/message", float64(o.deliver(copies))/float64(tripTime)/copies)
	}
	m.report(b)
	o.p.stop()
}

// distant is the address of a proxy to another address that holds each octet
// back for some time, either way.
func distant(b *testing.B, address string, delay time.Duration) string {
	b.Helper()
	return answered(b, func(near net.Conn) {
		far, err := net.Dial("tcp", address)
		if err != nil {
			near.Close()
			return
		}
		go later(far, near, delay)
		later(near, far, delay)
	})
}

// answered is an address whose connections are given to answer, each in a
// goroutine of its own, until the benchmark ends.
func answered(b *testing.B, answer func(net.Conn)) string {
	b.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go answer(conn)
		}
	}()
	return listener.Addr().String()
}

type parcel struct {
	due    time.Time
	octets []byte
}

// later copies from one connection to another, each octet after the delay.
func later(to, from net.Conn, delay time.Duration) {
	parcels := make(chan parcel, 10_000)
	go func() {
		defer to.Close()
		for p := range parcels {
			time.Sleep(time.Until(p.due))
			if _, err := to.Write(p.octets); err != nil {
				return
			}
		}
	}()
	defer close(parcels)
	for {
		octets := make([]byte, 64<<10)
		n, err := from.Read(octets)
		if n > 0 {
			parcels <- parcel{time.Now().Add(delay), octets[:n]}
		}
		if err != nil {
			return
		}
	}
}

// BenchmarkOutgoingXVERP compares how long the last of 5,000 copies takes through
// a real Postfix to an MTA behind it: with XVERP, and in single transactions. It
// checks that each copy has a reverse-path of its own. It wants root, and what
// BenchmarkOutgoing does.
func BenchmarkOutgoingXVERP(b *testing.B) {
	tools := newPostfixTools(b)
	var arrived, shared atomic.Int64
	sink := lightSink(b, func(from, to string) {
		arrived.Add(1)
		if details := strings.Split(from, "+"); len(details) == 3 && len(details[1]) == 16 { // a tag without a message
			shared.Add(1)
			if !strings.HasPrefix(details[2], strings.Replace(to, "@", "=", 1)+"@") {
				b.Errorf("a copy for %s from %s", to, from)
			}
		}
	})
	upstream := tools.smtpd(b, "smtpd_authorized_verp_clients = 127.0.0.0/8\ndefault_transport = smtp\ndisable_dns_lookups = yes\n"+
		"relayhost = ["+strings.Replace(sink, ":", "]:", 1)+"\n")
	if upstream == "" {
		b.Skip("Postfix is not to be started here")
	}
	with := newOutgoing(b, upstream, "max_connections = 20", "", offloadCopies)
	without := newOutgoing(b, upstream, "max_connections = 20", "[verp]\noffload = \"never\"\n", offloadCopies)
	last := func(o *outgoing, wantShared int64) float64 {
		from, fromShared, begun := arrived.Load(), shared.Load(), time.Now()
		o.post(offloadCopies, outgoingBytes)
		for arrived.Load() < from+offloadCopies {
			if time.Since(begun) > 5*time.Minute {
				b.Fatalf("%d copies arrived\n%s", arrived.Load()-from, o.p.log)
			}
			pause(b.Context(), 5*time.Millisecond)
		}
		if got := shared.Load() - fromShared; got != wantShared {
			b.Errorf("%d copies under a shared tag, want %d", got, wantShared)
		}
		return time.Since(begun).Seconds()
	}
	m := medians{}
	for b.Loop() {
		x, single := last(with, offloadCopies), last(without, 0)
		m.add("XVERP-s", x)
		m.add("single-s", single)
		m.add("sooner", single/x)
	}
	m.report(b)
	with.p.stop()
	without.p.stop()
}

// lightSink takes messages of one recipient each, tells record of them, and costs
// as little as can be: what it takes is not part of what is compared. It returns
// its address.
func lightSink(b *testing.B, record func(from, to string)) string {
	b.Helper()
	return answered(b, func(conn net.Conn) {
		defer conn.Close()
		takeMessages(bufio.NewReadWriter(bufio.NewReaderSize(conn, 16<<10), bufio.NewWriter(conn)), record)
	})
}

func takeMessages(rw *bufio.ReadWriter, record func(from, to string)) {
	rw.WriteString("220 sink\r\n")
	from, to, content := "", "", false
	for {
		if rw.Reader.Buffered() == 0 && rw.Flush() != nil {
			return
		}
		line, err := rw.ReadSlice('\n')
		answer := "250 ok\r\n"
		switch {
		case err != nil:
			return
		case content && string(line) != ".\r\n":
			continue
		case content:
			content = false
			record(from, to)
		case bytes.HasPrefix(line, []byte("EHLO")):
			answer = "250-sink\r\n250 PIPELINING\r\n"
		case bytes.HasPrefix(line, []byte("MAIL")):
			from = pathIn(line)
		case bytes.HasPrefix(line, []byte("RCPT")):
			to = pathIn(line)
		case bytes.HasPrefix(line, []byte("DATA")):
			answer, content = "354 go\r\n", true
		}
		rw.WriteString(answer)
	}
}

// pathIn is what stands in angle brackets.
func pathIn(line []byte) string {
	_, rest, _ := bytes.Cut(line, []byte("<"))
	path, _, _ := bytes.Cut(rest, []byte(">"))
	return string(path)
}

// BenchmarkOutgoingMembers reports what a member costs on lists of 1,000 to
// 100,000 members, with MMGW_LONG=1 to a million: processor time, octets of the
// database's log, its size on the disk at the end, and the most memory.
func BenchmarkOutgoingMembers(b *testing.B) {
	tools := newPostfixTools(b)
	sizes := []int{1_000, 10_000, 100_000}
	if os.Getenv("MMGW_LONG") == "1" {
		sizes = append(sizes, 1_000_000)
	}
	o := newOutgoing(b, tools.sink(b), twentyConnections, "", sizes...)
	o.deliver(1_000)
	m := medians{}
	for b.Loop() {
		for _, size := range sizes {
			posts := max(10_000/size, 1) // few members are within the noise
			cpu, log := o.value("process_cpu_seconds_total"), o.value("mmgw_store_log_bytes_total")
			for range posts {
				o.deliver(size)
			}
			m.add(fmt.Sprintf("%d:cpu-µs", size), (o.value("process_cpu_seconds_total")-cpu)*1e6/float64(posts*size))
			m.add(fmt.Sprintf("%d:log-B", size), (o.value("mmgw_store_log_bytes_total")-log)/float64(posts*size))
		}
	}
	m.add("RSS-MiB", o.p.residentMax())
	o.p.stop()
	m.add("disk-MiB", float64(sizeOf(b, filepath.Join(o.state(), "db")))/(1<<20))
	m.report(b)
}

// sizeOf is what the files of a directory take.
func sizeOf(b *testing.B, dir string) (octets int64) {
	b.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		b.Fatal(err)
	}
	for _, e := range entries {
		if info, err := e.Info(); err == nil {
			octets += info.Size()
		}
	}
	return octets
}

// BenchmarkOutgoingSilent compares the rate of a list with and without as many
// messages for a next hop that takes connections and says nothing as there are
// hands for it.
func BenchmarkOutgoingSilent(b *testing.B) {
	tools := newPostfixTools(b)
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { silent.Close() })
	forward := "[[forward]]\nname = \"away\"\ndomains = [\"away.example.com\"]\nto = \"smtp:" + silent.Addr().String() + "\"\nverify = \"none\"\n"
	sink := tools.sink(b)
	alone := newOutgoing(b, sink, twentyConnections, "", outgoingCopies)
	beside := newOutgoing(b, sink, twentyConnections, forward, outgoingCopies)
	client := beside.p.client()
	for i := range 100 {
		content := fmt.Sprintf("From: a@example.com\r\nSubject: away\r\nMessage-ID: <away%d@example.com>\r\n\r\n", i)
		if _, err := client.Send(b.Context(), "a@example.com", []gateway.ForwardPath{"x@away.example.com"}, []byte(content)); err != nil {
			b.Fatal(err)
		}
	}
	client.Close()
	m := medians{}
	for b.Loop() {
		first, second := alone.deliver(outgoingCopies), beside.deliver(outgoingCopies)
		m.add("alone/s", outgoingCopies/first.Seconds())
		m.add("beside/s", outgoingCopies/second.Seconds())
		m.add("share", first.Seconds()/second.Seconds())
	}
	m.report(b)
	alone.p.stop()
	beside.p.kill()
}
