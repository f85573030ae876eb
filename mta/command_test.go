package mta

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mmgw/mmgw/gateway"
)

func compiled(data string) string { return "compiled\n" + data }

func TestPostmap(t *testing.T) {
	for fileType, end := range map[string]string{"hash": ".db", "lmdb": ".lmdb"} {
		tree := newTree(t)
		o := Options{FileType: fileType, Postmap: postmap}
		apply(t, tree, []gateway.File{text("postfix_lmtp", "1\n"), text("main.cf", "x\n")}, o)
		r := apply(t, tree, []gateway.File{text("postfix_lmtp", "2\n"), text("main.cf", "x\n")}, o)
		if len(r.Compiled) != 1 || r.Compiled[0] != "postfix_lmtp"+end {
			t.Errorf("%s: compiled %q", fileType, r.Compiled)
		}
		wantHolds(t, tree, map[string]string{"postfix_lmtp": "2\n", "postfix_lmtp" + end: compiled("2\n"), "main.cf": "x\n"})
		if _, err := tree.Undo(t.Context(), o); err != nil {
			t.Error(err)
		}
		wantHolds(t, tree, map[string]string{"postfix_lmtp": "1\n", "postfix_lmtp" + end: compiled("1\n"), "main.cf": "x\n"})
		if r := apply(t, tree, nil, o); len(r.Removed) != 3 {
			t.Errorf("%s: of a text that is gone the table stays: %q", fileType, r.Removed)
		}
	}
}

func TestPostmapFails(t *testing.T) {
	tree := newTree(t)
	o := Options{FileType: "hash", Postmap: postmap, Reload: "echo must not run; exit 1"}
	good := []gateway.File{text("a", "1\n"), text("postfix_lmtp", "1\n")}
	apply(t, tree, good, Options{FileType: "hash", Postmap: postmap})
	before := holds(t, tree)
	_, err := tree.Apply(t.Context(), []gateway.File{text("a", "2\n"), text("postfix_lmtp", "broken\n")}, o)
	if !errors.Is(err, ErrPostmap) || !strings.Contains(err.Error(), "line 1: broken") {
		t.Error(err)
	}
	wantHolds(t, tree, before)
	if _, err := os.Stat(filepath.Join(tree.Dir, stagingName)); err == nil {
		t.Error("staged files stayed")
	}
}

func TestPostmapMissing(t *testing.T) {
	tree := newTree(t)
	o := Options{FileType: "hash", Postmap: postmap}
	apply(t, tree, []gateway.File{text("postfix_lmtp", "1\n")}, o)
	second := []gateway.File{text("postfix_lmtp", "2\n")}
	for name, command := range map[string][]string{"none": nil, "not there": {"/nonexistent/postmap"}} {
		_, err := tree.Apply(t.Context(), second, Options{FileType: "hash", Postmap: command})
		if !errors.Is(err, ErrNoPostmap) {
			t.Errorf("%s: %v", name, err)
		}
		wantHolds(t, tree, map[string]string{"postfix_lmtp": "2\n", "postfix_lmtp.db": compiled("1\n")})
	}
	if r := apply(t, tree, second, o); len(r.Compiled) != 1 {
		t.Error("a table older than its text was not made again when postmap was there")
	}
	wantHolds(t, tree, map[string]string{"postfix_lmtp": "2\n", "postfix_lmtp.db": compiled("2\n")})
}

func TestPostmapWithoutTable(t *testing.T) {
	tree := newTree(t)
	o := Options{FileType: "hash", Postmap: []string{"/bin/sh", "-c", ":"}}
	apply(t, tree, []gateway.File{text("postfix_lmtp", "1\n")}, o)
	wantHolds(t, tree, map[string]string{"postfix_lmtp": "1\n"})
}

// texthash has the text of hash: what changed meanwhile must be compiled when
// the type comes back.
func TestPostmapAfterTexthash(t *testing.T) {
	tree := newTree(t)
	o := Options{FileType: "hash", Postmap: postmap}
	apply(t, tree, []gateway.File{text("postfix_lmtp", "1\n")}, o)
	apply(t, tree, []gateway.File{text("postfix_lmtp", "2\n")}, Options{FileType: "texthash"})
	apply(t, tree, []gateway.File{text("postfix_lmtp", "2\n")}, o)
	wantHolds(t, tree, map[string]string{"postfix_lmtp": "2\n", "postfix_lmtp.db": compiled("2\n")})
}

func TestReload(t *testing.T) {
	tree, ran := newTree(t), filepath.Join(t.TempDir(), "ran")
	o := Options{Reload: "test -e '" + ran + "' && printf 'done\\n\\033[2J' || { echo no $((6*7)) >&2; exit 3; }"}
	files := []gateway.File{text("a", "1\n")}

	_, err := tree.Apply(t.Context(), files, o)
	if !errors.Is(err, ErrReload) || !strings.Contains(err.Error(), "exit status 3: no 42") {
		t.Error(err)
	}
	wantHolds(t, tree, map[string]string{"a": "1\n"})
	if state, err := tree.State(); !state.ReloadDue || err != nil {
		t.Errorf("%+v, %v", state, err)
	}
	if err := os.WriteFile(ran, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if r := apply(t, tree, files, o); !r.Reloaded || r.Output != "done; ?[2J" {
		t.Errorf("tried again: %+v", r)
	}
	if r := apply(t, tree, files, o); r.Reloaded {
		t.Error("nothing changed, but it ran")
	}
	if r := apply(t, tree, nil, o); !r.Reloaded {
		t.Error("a file is gone, but it did not run")
	}
}

func TestReloadHangs(t *testing.T) {
	tree := newTree(t)
	start := time.Now()
	_, err := tree.Apply(t.Context(), []gateway.File{text("a", "")}, Options{Reload: "sleep 600 & wait", Timeout: 50 * time.Millisecond})
	if !errors.Is(err, ErrReload) || !strings.Contains(err.Error(), "no end after 50ms") {
		t.Error(err)
	}
	if took := time.Since(start); took > 30*time.Second {
		t.Error("took", took)
	}
}

// A daemon that a reload command started may keep its output open: the command
// has succeeded all the same, and must not run again every minute.
func TestReloadLeavesDaemon(t *testing.T) {
	tree := newTree(t)
	pid := filepath.Join(t.TempDir(), "pid")
	t.Cleanup(func() {
		text, _ := os.ReadFile(pid)
		if n, err := strconv.Atoi(strings.TrimSpace(string(text))); err == nil {
			syscall.Kill(n, syscall.SIGKILL)
		}
	})
	o := Options{Reload: "sleep 600 & echo $! >'" + pid + "'; echo started"}
	if r := apply(t, tree, []gateway.File{text("a", "")}, o); !r.Reloaded || r.Output != "started" {
		t.Errorf("%+v", r)
	}
	if state, err := tree.State(); state.ReloadDue || err != nil {
		t.Errorf("%+v, %v", state, err)
	}
}

func TestOutputIsBounded(t *testing.T) {
	tree := newTree(t)
	r := apply(t, tree, []gateway.File{text("a", "")}, Options{Reload: "head -c 1000000 /dev/zero | tr '\\0' x"})
	if len(r.Output) == 0 || len(r.Output) > outputBytesMax {
		t.Error(len(r.Output), "octets of output")
	}
}

// With the postmap of Postfix itself a compiled table answers for its list.
func TestRealPostmap(t *testing.T) {
	real, err := exec.LookPath("postmap")
	if err != nil {
		t.Skip("postmap is not installed")
	}
	tree := newTree(t)
	o := Options{FileType: "hash", Postmap: []string{real}}
	const address = "dev-bounces@lists.example.com"
	for _, target := range []string{"lmtp:[127.0.0.1]:8024", "lmtp:[127.0.0.1]:8025"} {
		apply(t, tree, []gateway.File{text("postfix_lmtp", "# ours\n"+address+"    "+target+"\n")}, o)
		answer, err := exec.Command(real, "-q", address, "hash:"+filepath.Join(tree.Dir, "postfix_lmtp")).CombinedOutput()
		if strings.TrimSpace(string(answer)) != target || err != nil {
			t.Errorf("postmap -q answers %q (%v), want %q", answer, err, target)
		}
	}
}
