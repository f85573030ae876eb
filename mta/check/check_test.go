package check

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mmgw/mmgw/gateway"
)

// TestTableHangs: a postmap that is stopped has not said that an address is missing.
func TestTableHangs(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	s := Site{
		Postmap: []string{"/bin/sh", "-c", "exec sleep 600"},
		Lists:   []gateway.List{{Address: "dev@lists.example.com"}},
	}
	found := s.tables(ctx, []string{"hash:/t"})
	if len(found) != 1 || !strings.HasPrefix(found[0].Finding, "hash:/t cannot be asked: /bin/sh: no answer") {
		t.Errorf("%+v", found)
	}
}

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
