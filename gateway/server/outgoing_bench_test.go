package server

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/probe"
)

const (
	benchCopies      = 10_000
	benchConnections = 20
	benchBytes       = 10_000 // of a message
)

// postfixTool is a program of Postfix, or skips the benchmark.
func postfixTool(b *testing.B, name string, args ...string) *exec.Cmd {
	b.Helper()
	root := cmp.Or(os.Getenv("MMGW_POSTFIX_ROOT"), "/")
	path := filepath.Join(root, "usr/sbin", name)
	if _, err := os.Stat(path); err != nil {
		b.Skipf("Postfix is not in %s, which $MMGW_POSTFIX_ROOT may name", root)
	}
	c := exec.Command(path, args...)
	c.Env = append(os.Environ(), "LD_LIBRARY_PATH="+filepath.Join(root, "usr/lib/postfix"))
	return c
}

// smtpSink starts Postfix's smtp-sink and returns its address.
func smtpSink(b *testing.B, args ...string) string {
	b.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	if os.Getuid() == 0 {
		args = append(args, "-u", "daemon")
	}
	c := postfixTool(b, "smtp-sink", append(args, address, "1000")...)
	var out bytes.Buffer
	c.Stderr = &out
	if err := c.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { c.Process.Kill(); c.Wait() })
	for range 500 {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			conn.Close()
			return address
		}
		time.Sleep(10 * time.Millisecond)
	}
	b.Fatalf("smtp-sink does not listen: %s", out.String())
	return ""
}

// cpu is the processor time that this process took so far.
func cpu() time.Duration {
	var usage syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// smtpSource is the rate of Postfix's smtp-source to the same place, and the
// processor time that each message costs it.
func smtpSource(b *testing.B, address string) (rate float64, cost time.Duration) {
	b.Helper()
	c := postfixTool(b, "smtp-source", "-d", "-s", fmt.Sprint(benchConnections), "-m", fmt.Sprint(benchCopies), "-l", fmt.Sprint(benchBytes), address)
	begun := time.Now()
	if out, err := c.CombinedOutput(); err != nil {
		b.Fatalf("smtp-source: %v\n%s", err, out)
	}
	return benchCopies / time.Since(begun).Seconds(), (c.ProcessState.UserTime() + c.ProcessState.SystemTime()) / benchCopies
}

// list writes a file of members and returns the lines of a list.
func (p *place) list(name string, members int) string {
	var text strings.Builder
	for i := range members {
		fmt.Fprintf(&text, "member%d@example%d.com\n", i, i%97)
	}
	if err := os.WriteFile(filepath.Join(p.dir, name+".members"), []byte(text.String()), 0o600); err != nil {
		p.t.Fatal(err)
	}
	return fmt.Sprintf("[[list]]\naddress = \"%s@lists.example.com\"\nposting = \"anyone\"\nmembers = \"%s.members\"\n", name, name)
}

var bodyLine = strings.Repeat("x", 76) + "\r\n"

// publish posts a message of so many octets to a list.
func (p *place) publish(list, id string, size int) {
	p.t.Helper()
	client, err := probe.Dial(p.t.Context(), "unix:"+filepath.Join(p.dir, "lmtp.sock"))
	if err != nil {
		p.t.Fatal(err)
	}
	defer client.Close()
	content := fmt.Sprintf("From: anne@example.com\r\nTo: x@example.com\r\nSubject: hello\r\nMessage-ID: <%s@x>\r\n\r\n", id)
	content += strings.Repeat(bodyLine, (size-len(content))/len(bodyLine))
	replies, err := client.Send(p.t.Context(), "anne@example.com", []gateway.ForwardPath{gateway.ForwardPath(list + "@lists.example.com")}, []byte(content))
	if err != nil || replies[0].Status.Class() != gateway.Success {
		p.t.Fatal(err, replies)
	}
}

// delivered waits until so many more copies were delivered.
func (s *Server) awaitDelivered(ctx context.Context, n int64) {
	for s.attempts[0].Load() < n && ctx.Err() == nil {
		time.Sleep(time.Millisecond)
	}
}

func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}

// One post to 10,000 members, each its own transaction, to smtp-sink.
func BenchmarkOutgoingVERP(b *testing.B) {
	address := smtpSink(b)
	p := newPlace(b)
	_, p.smtp, _ = net.SplitHostPort(address)
	s := p.run(p.load(fmt.Sprintf("max_connections = %d\nmax_messages_per_connection = 100000\n", benchConnections) + p.list("dev", benchCopies)))
	var ours, theirs, cost, theirCost []float64
	for i := 0; b.Loop(); i++ {
		from, spent := s.attempts[0].Load(), cpu()
		begun := time.Now()
		p.publish("dev", fmt.Sprint(i), benchBytes)
		s.awaitDelivered(b.Context(), from+benchCopies)
		ours = append(ours, benchCopies/time.Since(begun).Seconds())
		cost = append(cost, float64((cpu()-spent).Microseconds())/benchCopies)
		rate, each := smtpSource(b, address)
		theirs, theirCost = append(theirs, rate), append(theirCost, float64(each.Nanoseconds())/1000)
	}
	b.ReportMetric(median(cost), "cpu-µs/copy")
	b.ReportMetric(median(theirCost), "smtp-source-cpu-µs/copy")
	b.ReportMetric(median(ours), "copies/s")
	b.ReportMetric(median(theirs), "smtp-source/s")
	b.ReportMetric(median(ours)/median(theirs), "share")
}
