package smtp

import (
	"context"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// Every transcript runs in a bubble: what hangs costs no time.
func TestTranscripts(t *testing.T) {
	names, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(names) == 0 {
		t.Fatal("no transcripts", err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txt"), func(t *testing.T) {
			script := readTranscript(t, name)
			synctest.Test(t, script.run)
		})
	}
}

func (s *transcript) run(t *testing.T) {
	ours, theirs := net.Pipe()
	defer theirs.Close()
	played := make(chan error, 1)
	go func() { played <- (&peer{conn: theirs}).play(s.lines) }()
	start := time.Now()
	conn, err := NewConn(context.Background(), ours, s.options)
	if err != nil {
		s.refused(t, err)
		return
	}
	for n, d := range s.deliveries {
		statuses, again := sent(conn, d.delivery, d.content)
		if len(statuses) != len(d.want) {
			t.Fatalf("delivery %d: %d statuses, want %d", n, len(statuses), len(d.want))
		}
		for i, status := range statuses {
			if again && d.want[i] == "again" {
				continue
			}
			if status == nil || !strings.HasPrefix(status.Reply(), d.want[i]) {
				t.Errorf("delivery %d, recipient %d: %v, want %q", n, i, status, d.want[i])
			}
		}
		if conn.Usable() != d.usable {
			t.Errorf("delivery %d: usable %v", n, conn.Usable())
		}
	}
	if took := time.Since(start); took > 61*time.Minute {
		t.Errorf("took %v, more than Timeouts.Transaction", took)
	}
	conn.Close()
	if err := <-played; err != nil {
		t.Error(err)
	}
}

// refused compares the error of NewConn with the only status there is then.
func (s *transcript) refused(t *testing.T, err error) {
	if len(s.deliveries) != 1 || len(s.deliveries[0].want) != 1 || !strings.HasPrefix(err.Error(), s.deliveries[0].want[0]) {
		t.Errorf("NewConn: %v", err)
	}
}
