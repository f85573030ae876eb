package lookup

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/roster"
)

// BenchmarkRoundTrip asks one question after the other on one connection, as
// each process of Postfix does, of 100,000 lists. Beside it a peer that sends
// back what it gets, which is what the way there and back costs alone.
func BenchmarkRoundTrip(b *testing.B) {
	r := openRoster(b)
	lists := make([]roster.FileList, 100_000)
	for i := range lists {
		address := gateway.ForwardPath(fmt.Sprintf("list%d@lists%d.example.com", i, i%100))
		lists[i] = roster.FileList{List: gateway.List{ID: gateway.NewListID(address), Address: address}}
	}
	if err := r.SetFileLists(lists); err != nil {
		b.Fatal(err)
	}
	tables := &Tables{Roster: r, NextHop: "lmtp:[127.0.0.1]:8024"}
	for _, network := range []string{"unix", "tcp"} {
		for _, c := range []struct{ name, question string }{
			{"echo", ""},
			{"a list", netstring("transport list77777-bounces+anne=example.com@lists77.example.com")},
			{"no list", netstring("recipients nobody@lists77.example.com")},
			{"tcp table", "get list77777@lists77.example.com\n"},
		} {
			b.Run(network+"/"+c.name, func(b *testing.B) {
				l := listen(b, network)
				if c.question == "" {
					go echo(l)
					c.question = netstring(strings.Repeat("x", 60))
				} else {
					serve(b, &Server{Tables: tables, Allow: loopback}, l)
				}
				roundTrips(b, l.Addr(), c.question)
			})
		}
	}
}

func listen(b *testing.B, network string) net.Listener {
	address := "127.0.0.1:0"
	if network == "unix" {
		address = filepath.Join(b.TempDir(), "s")
	}
	l, err := net.Listen(network, address)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { l.Close() })
	return l
}

func echo(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go io.Copy(struct{ io.Writer }{conn}, struct{ io.Reader }{conn})
	}
}

// roundTrips reports the median and the slowest of a hundred beside the mean.
func roundTrips(b *testing.B, at net.Addr, question string) {
	conn, err := net.Dial(at.Network(), at.String())
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	answers := bufio.NewReader(conn)
	last := question[len(question)-1]
	var times []time.Duration
	b.ReportAllocs()
	for b.Loop() {
		begin := time.Now()
		io.WriteString(conn, question)
		if _, err := answers.ReadSlice(last); err != nil {
			b.Fatal(err)
		}
		times = append(times, time.Since(begin))
	}
	slices.Sort(times)
	b.ReportMetric(float64(times[len(times)/2].Nanoseconds()), "ns-median")
	b.ReportMetric(float64(times[len(times)*99/100].Nanoseconds()), "ns-p99")
}
