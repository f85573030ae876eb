package check

import (
	"net"
	"os"
	"path/filepath"
	"testing"
)

// TestClosedSocket: that we can connect does not say that the MTA can.
func TestClosedSocket(t *testing.T) {
	dir := t.TempDir()
	for d := dir; d != os.TempDir() && d != "/"; d = filepath.Dir(d) {
		os.Chmod(d, 0o755)
	}
	socket := filepath.Join(dir, "s")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	for _, c := range []struct {
		mode, dir os.FileMode
		group     string
		file      string // that the only finding is about
	}{
		{0o666, 0o755, "", ""},
		{0o660, 0o755, "postfix", ""},
		{0o660, 0o755, "", socket},
		{0o666, 0o750, "", dir},
	} {
		s := Site{LMTP: Endpoint{"unix", socket}, SocketGroup: c.group}
		if err := os.Chmod(socket, c.mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(dir, c.dir); err != nil {
			t.Fatal(err)
		}
		switch found := s.gateway(t.Context()); {
		case c.file == "" && len(found) > 0, c.file != "" && (len(found) != 1 || found[0].File != c.file || found[0].Fix == ""):
			t.Errorf("socket %v in %v, group %q: %+v", c.mode, c.dir, c.group, found)
		}
	}
}
