package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/mmgw/mmgw/gateway/server"
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

// What ended a gateway tells its supervisor where to look.
func TestEndFailure(t *testing.T) {
	for _, test := range []struct {
		err  error
		want int
	}{
		{nil, 0},
		{fmt.Errorf("%w: its disk failed too often", server.ErrStateDir), 73},
		{errors.New("accept: too bad"), 69},
	} {
		if got := exitCode(io.Discard, endFailure(test.err)); got != test.want {
			t.Errorf("%v: exit %d, want %d", test.err, got, test.want)
		}
	}
}
