package lmtp

import (
	"bufio"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// BenchmarkIntake takes messages of 10 kB over 20 sessions and discards them,
// behind the guard and with go-smtp alone. The client pipelines as Postfix does.
func BenchmarkIntake(b *testing.B) {
	b.Run("guard", func(b *testing.B) {
		listener := listen(b)
		server := &Server{Intake: &desk{discard: true}}
		go server.Serve(listener)
		flood(b, listener.Addr().String())
		server.Shutdown(b.Context())
	})
	b.Run("go-smtp", func(b *testing.B) {
		listener := listen(b)
		serveBare(b, &desk{discard: true}, Limits{}, listener)
		flood(b, listener.Addr().String())
	})
}

func flood(b *testing.B, address string) {
	const sessions = 20
	text := strings.Repeat(strings.Repeat("x", 62)+"\r\n", 10240/64) + ".\r\n"
	var left atomic.Int64
	left.Store(int64(b.N))
	b.SetBytes(int64(len(text)))
	b.ResetTimer()
	var wg sync.WaitGroup
	for range sessions {
		wg.Go(func() {
			conn, err := net.Dial("tcp", address)
			if err != nil {
				b.Error(err)
				return
			}
			defer conn.Close()
			replies := bufio.NewReader(conn)
			say := func(text string, code string) {
				if err == nil {
					_, err = conn.Write([]byte(text))
				}
				for err == nil && code != "" {
					var line string
					line, err = replies.ReadString('\n')
					if strings.HasPrefix(line, code) {
						return
					}
				}
			}
			say("", "220 ")
			say("LHLO client.test\r\n", "250 ")
			for left.Add(-1) >= 0 {
				say("MAIL FROM:<a@b.test>\r\nRCPT TO:<one@lists.test>\r\nDATA\r\n", "354 ")
				say(text, "250 ")
			}
			if err != nil {
				b.Error(err)
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
}
