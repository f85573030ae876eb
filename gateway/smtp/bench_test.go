package smtp

import (
	"bytes"
	"net"
	"strings"
	"testing"

	gosmtp "github.com/emersion/go-smtp"
	"github.com/mmgw/mmgw/gateway"
)

// Messages of 10 kB to one recipient each, to a peer that discards them over
// loopback TCP, on one connection: this client, the same with one envelope
// after the dot of another, and go-smtp's.
func BenchmarkSend(b *testing.B) {
	content := gateway.Bytes("Subject: x\r\n\r\n" + strings.Repeat(strings.Repeat("x", 76)+"\r\n", 128))
	open := func(b *testing.B) net.Conn {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			b.Fatal(err)
		}
		defer listener.Close()
		go func() {
			if conn, err := listener.Accept(); err == nil {
				(&accepting{hello: "PIPELINING"}).serve(conn)
			}
		}()
		conn, err := net.Dial("tcp", listener.Addr().String())
		if err != nil {
			b.Fatal(err)
		}
		return conn
	}
	send := func(b *testing.B, conn *Conn) {
		statuses, _ := sent(conn, deliveryTo(1), content)
		if statuses[0].Class() != gateway.Success {
			b.Error(statuses[0])
		}
	}
	b.Run("client=ours", func(b *testing.B) {
		conn := dialed(b, open(b), Options{})
		defer conn.Close()
		b.SetBytes(content.Size())
		b.ReportAllocs()
		for b.Loop() {
			send(b, conn)
		}
	})
	b.Run("client=following", func(b *testing.B) {
		conn := dialed(b, open(b), Options{})
		defer conn.Close()
		b.SetBytes(content.Size())
		b.ReportAllocs()
		f := &parcels{}
		for range b.N {
			f.add(deliveryTo(1), content)
		}
		b.ResetTimer()
		conn.Run(f)
	})
	b.Run("client=go-smtp", func(b *testing.B) {
		client := gosmtp.NewClient(open(b))
		defer client.Close()
		b.SetBytes(content.Size())
		b.ReportAllocs()
		for b.Loop() {
			if err := client.SendMail("list-bounces@us.example", []string{"member0@example.com"}, bytes.NewReader(content)); err != nil {
				b.Fatal(err)
			}
		}
	})
}
