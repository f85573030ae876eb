package server

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/config"
)

func TestCallouts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked, answer := 0, &gateway.Status{Code: 250}
		c := &callouts{ask: map[string]bool{"mm3": true}, once: func(context.Context, string, gateway.ForwardPath) *gateway.Status {
			asked++
			return answer
		}}
		for _, step := range []struct {
			after time.Duration
			route string
			code  int // of the backend
			want  int // of the reply, 0 for none
			asked int
		}{
			{0, "mm3", 250, 0, 1},
			{4 * time.Minute, "mm3", 550, 0, 1}, // a yes is believed for 5 minutes
			{2 * time.Minute, "mm3", 550, 550, 2},
			{30 * time.Second, "mm3", 250, 550, 2}, // a no for one
			{time.Minute, "mm3", 451, 451, 3},
			{0, "mm3", 421, 451, 4},
			{0, "mm3", 250, 0, 5}, // and a deferral not at all
			{0, "other", 550, 0, 5},
		} {
			time.Sleep(step.after)
			answer = &gateway.Status{Code: step.code}
			code := 0
			if err := c.verify(t.Context(), step.route, "x@mm3.example.com"); err != nil {
				code = gateway.AsStatus(err).Code
			}
			if code != step.want || asked != step.asked {
				t.Errorf("%+v: code %d, asked %d times", step, code, asked)
			}
		}
	})
}

func TestCalloutToABackendThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &callouts{ask: map[string]bool{"mm3": true}, once: func(ctx context.Context, _ string, _ gateway.ForwardPath) *gateway.Status {
			<-ctx.Done()
			return gateway.Deferred(ctx.Err())
		}}
		asked := time.Now()
		err := c.verify(t.Context(), "mm3", "x@mm3.example.com")
		if took := time.Since(asked); gateway.AsStatus(err).Code != 451 || took > time.Minute {
			t.Errorf("%v after %v", err, took)
		}
	})
}

// What is over goes first; where nothing is, some go, and most answers stay known.
func TestCalloutsForgetRatherThanGrow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c callouts
		more := func(name string, n int, answer *gateway.Status) {
			for i := range n {
				c.keep(calloutKey{name, gateway.QueueID(i).String()}, answer)
			}
		}
		known := func(name string, n int) (sum int) {
			for i := range n {
				if c.recall(calloutKey{name, gateway.QueueID(i).String()}) != nil {
					sum++
				}
			}
			return sum
		}
		more("a", calloutsKept+10, gateway.Accepted)
		if n := known("a", calloutsKept); len(c.known) > calloutsKept || n < calloutsKept*8/10 {
			t.Errorf("%d are kept, of the first %d are known", len(c.known), n)
		}
		time.Sleep(calloutYes)
		more("b", calloutsKept, gateway.Accepted)
		if n := known("b", calloutsKept); n != calloutsKept {
			t.Errorf("%d of those that count are kept beside those that are over", n)
		}
	})
}

func TestListenUnix(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "s")
	first, err := listenUnix(path, 0o660, "")
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o660 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if _, err := listenUnix(path, 0o660, ""); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("a socket in use: %v", err)
	}
	first.(*net.UnixListener).SetUnlinkOnClose(false)
	first.Close()
	again, err := listenUnix(path, 0o600, "")
	if err != nil {
		t.Fatalf("a stale socket: %v", err)
	}
	again.Close()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := listenUnix(file, 0o600, ""); err == nil {
		t.Error("a file was replaced")
	}
	if _, err := listenUnix(filepath.Join(dir, "t"), 0o600, "no such group"); err == nil {
		t.Error("an unknown group was taken")
	}
}

// Who connects between bind and chmod would stay connected.
func TestSocketIsClosedAtFirst(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("other systems make a socket file as the umask has it")
	}
	path := filepath.Join(t.TempDir(), "s")
	listener, err := bind(path)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

// TestSocketExchanged: a link that others put in the place of a socket opens no file
// elsewhere.
func TestSocketExchanged(t *testing.T) {
	secret, path := filepath.Join(t.TempDir(), "secret"), filepath.Join(t.TempDir(), "s")
	err := errors.Join(os.WriteFile(secret, nil, 0o600), os.Symlink(secret, path))
	if err != nil {
		t.Fatal(err)
	}
	group := ""
	if g, err := user.LookupGroupId("1"); err == nil && os.Getuid() == 0 {
		group = g.Name
	}
	if openTo(path, 0o666, group) == nil {
		t.Error("a link was taken for a socket")
	}
	info, err := os.Stat(secret)
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Sys().(*syscall.Stat_t).Gid; int(got) != os.Getgid() || info.Mode().Perm() != 0o600 {
		t.Errorf("the file has the group %d and the mode %v now", got, info.Mode().Perm())
	}
}

// TestListenUnixGroup gives the socket to another group of the process, or to
// any that there is where the process may do that.
func TestListenUnixGroup(t *testing.T) {
	groups, err := os.Getgroups()
	if err != nil {
		t.Fatal(err)
	}
	if os.Getuid() == 0 {
		groups = append(groups, 1)
	}
	for _, gid := range append(groups, os.Getgid()) {
		group, err := user.LookupGroupId(strconv.Itoa(gid))
		if err != nil || gid == os.Getgid() && len(groups) > 1 {
			continue
		}
		path := filepath.Join(t.TempDir(), "s")
		listener, err := listenUnix(path, 0o620, group.Name)
		if err != nil {
			t.Fatal(err)
		}
		defer listener.Close()
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Sys().(*syscall.Stat_t).Gid; int(got) != gid || info.Mode().Perm() != 0o620 {
			t.Errorf("group %d and mode %v, not %d and 0620", got, info.Mode().Perm(), gid)
		}
		return
	}
	t.Skip("no group of this process has a name")
}

func TestOutcomes(t *testing.T) {
	for _, c := range []struct {
		status  *gateway.Status
		settled bool
		want    string
	}{
		{gateway.Accepted, true, "delivered"},
		{&gateway.Status{Code: 451}, false, "deferred"},
		{&gateway.Status{Code: 550}, true, "failed"},
		{&gateway.Status{Code: 554, Enhanced: gateway.EnhancedCode{5, 4, 7}}, true, "expired"},
	} {
		if got := outcomeNames[outcomeOf(gateway.Outcome{Status: c.status, Settled: c.settled})]; got != c.want {
			t.Errorf("%v: %s, want %s", c.status, got, c.want)
		}
	}
}

func TestReachable(t *testing.T) {
	for in, want := range map[string]string{
		"127.0.0.1:8024": "127.0.0.1:8024",
		"0.0.0.0:8024":   "127.0.0.1:8024",
		"[::]:8024":      "127.0.0.1:8024",
		"10.0.0.1:24":    "10.0.0.1:24",
	} {
		if got := reachable(in); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}

// A record by hand is the one that encoding/json reads.
func TestRecordIsJSON(t *testing.T) {
	a := attempt(&gateway.Status{Code: 550, Enhanced: gateway.EnhancedCode{5, 1, 1}, Text: "say \"no\" \\ <x> \x01 grün"}, true)
	a.Recipient.Path = "\"a\\\"b\"@example.com"
	line := appendRecord(nil, &a, "lmtp:unix:/tmp/ü", time.Unix(1, 5000).UTC())
	var got map[string]any
	if err := json.Unmarshal(line, &got); err != nil {
		t.Fatalf("%v in %s", err, line)
	}
	want := map[string]any{
		"time": "1970-01-01T00:00:01.000005Z", "id": a.Message.ID.String(), "list": "dev.lists.example.com", "member": "\"a\\\"b\"@example.com",
		"next_hop": "lmtp:unix:/tmp/ü", "code": 550.0, "enhanced": "5.1.1", "text": "say \"no\" \\ <x> ? grün",
		"attempt": 2.0, "ms": 1500.0, "outcome": "failed", "module": "tag@12ab",
	}
	if !maps.Equal(got, want) {
		t.Errorf("%v\nwant %v", got, want)
	}
}

func TestCrowdedDisk(t *testing.T) {
	cfg := &config.Config{File: "site.toml", StateDir: "/var/lib/mmgw"}
	if doubts := crowded(cfg, 600<<20, 1<<40); len(doubts) > 0 {
		t.Error(doubts)
	}
	const want = "site.toml: state_dir /var/lib/mmgw has 100MiB free, and mail is refused below 512MiB; make room there, or choose a directory on another disk"
	if doubts := crowded(cfg, 100<<20+123, 1<<40); len(doubts) != 1 || doubts[0].Error() != want {
		t.Error(doubts)
	}
}
