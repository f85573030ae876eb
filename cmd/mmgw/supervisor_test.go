package main

import (
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// TestSupervisorIsTold plays systemd's part for a whole life: start, a reload that
// works and one that does not, stop.
func TestSupervisorIsTold(t *testing.T) {
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(t.TempDir(), "notify"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	t.Setenv("NOTIFY_SOCKET", socket.LocalAddr().String())
	told := func(want ...string) {
		t.Helper()
		for _, w := range want {
			b := make([]byte, 100)
			socket.SetReadDeadline(time.Now().Add(patience))
			if n, err := socket.Read(b); err != nil || string(b[:n]) != w {
				t.Fatalf("told %q, %v, want %q", b[:n], err, w)
			}
		}
	}
	s := newSite(t, devSite+"[]\n")
	p := s.serve()
	told(nowReady)
	for range 2 {
		p.command.Process.Signal(syscall.SIGHUP)
		told(nowReloading, nowReady)
		if err := os.WriteFile(s.file(), []byte("no configuration"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p.stop()
	told(nowStopping)
}
