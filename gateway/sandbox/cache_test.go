package sandbox

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mmgw/mmgw/sdk/wire"
)

// TestCacheIsBounded: versions that were swapped out, and those of another
// compiler, do not stay for ever.
func TestCacheIsBounded(t *testing.T) {
	dir := t.TempDir()
	now := time.Now()
	for i, name := range []string{"old/first", "old/second", "new/third", "new/fourth"} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, make([]byte, 100), 0o600); err != nil {
			t.Fatal(err)
		}
		at := now.Add(time.Duration(i) * time.Hour)
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
	link := filepath.Join(t.TempDir(), "cache") // to a disk with more room
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	if err := trimCache(link, 250); err != nil {
		t.Fatal(err)
	}
	left, err := filepath.Glob(filepath.Join(dir, "*", "*"))
	if err != nil || len(left) != 2 || filepath.Base(left[0]) != "fourth" || filepath.Base(left[1]) != "third" {
		t.Errorf("left %v, %v", left, err)
	}
}

// TestCacheIsNoOutage: modules load without the code on disk, and whatever is in its place.
func TestCacheIsNoOutage(t *testing.T) {
	for name, harm := range map[string]func(dir string) error{
		"cut off": func(dir string) error {
			return onCode(dir, func(path string) error { return os.Truncate(path, 100) })
		},
		"empty": func(dir string) error {
			return onCode(dir, func(path string) error { return os.Truncate(path, 0) })
		},
		"not writable": func(dir string) error { // also for root
			return onCode(dir, func(path string) error { return os.RemoveAll(filepath.Dir(path)) })
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			spec := Spec{Name: "p", Wasm: guest(wire.ExportIncoming)}
			load(t, Env{CacheDir: dir}, spec)
			again := newHost(t, Env{CacheDir: dir})
			if err := harm(dir); err != nil {
				t.Fatal(err)
			}
			p, err := again.Load(t.Context(), spec)
			if err != nil {
				t.Fatal(err)
			}
			p.Close()
		})
	}
}

// TestCacheOutlivesBadModules: a module that is not valid costs the others nothing.
func TestCacheOutlivesBadModules(t *testing.T) {
	dir := t.TempDir()
	good := guest(wire.ExportIncoming)
	load(t, Env{CacheDir: dir}, Spec{Name: "good", Wasm: good})
	bad := bytes.ReplaceAll(good, []byte{0x41, 0, 0x0b}, []byte{0x42, 0, 0x0b}) // i64.const where the result is i32
	if bytes.Equal(bad, good) {
		t.Fatal("the module is still good")
	}
	if _, err := newHost(t, Env{CacheDir: dir}).Load(t.Context(), Spec{Name: "bad", Wasm: bad}); err == nil || !strings.Contains(err.Error(), "it cannot be compiled") {
		t.Errorf("a bad module: %v", err)
	}
	if err := onCode(dir, func(string) error { return nil }); err != nil {
		t.Error("the code of the good module is gone")
	}
}

// onCode does something to the one file of compiled code below dir.
func onCode(dir string, do func(path string) error) error {
	paths, err := filepath.Glob(filepath.Join(dir, "*", "*"))
	if err != nil || len(paths) != 1 {
		return os.ErrNotExist
	}
	return do(paths[0])
}

// TestCacheOfOthers: code that somebody else could have put there is not run.
func TestCacheOfOthers(t *testing.T) {
	cases := map[string]func(dir string) error{
		"all may write":              func(dir string) error { return os.Chmod(dir, 0o707) },
		"a group may write":          func(dir string) error { return os.Chmod(dir, 0o770) },
		"all may exchange it":        func(dir string) error { return os.Chmod(filepath.Dir(dir), 0o777) },
		"all may write further down": func(dir string) error { return inside(dir, func(path string) error { return os.Chmod(path, 0o777) }) },
	}
	if os.Getuid() == 0 {
		cases["belongs to another"] = func(dir string) error { return os.Chown(dir, 1, -1) }
		cases["belonged to another, who left code there"] = func(dir string) error {
			return inside(dir, func(path string) error { return os.Chown(path, 1, -1) })
		}
		cases["belongs to whom root acts as"] = func(dir string) error {
			return errors.Join(os.Chmod(filepath.Dir(filepath.Dir(dir)), 0o755), os.Chown(dir, 1, -1), syscall.Seteuid(1))
		}
	}
	for name, open := range cases {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "cache")
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			defer func() { _ = syscall.Seteuid(os.Getuid()) }()
			if err := open(dir); err != nil {
				t.Fatal(err)
			}
			var log bytes.Buffer
			load(t, Env{CacheDir: dir, Logger: slog.New(slog.NewTextHandler(&log, nil))}, Spec{Name: "p", Wasm: guest(wire.ExportIncoming)})
			if kept, _ := filepath.Glob(filepath.Join(dir, "*", "*")); len(kept) > 0 || !bytes.Contains(log.Bytes(), []byte(dir)) {
				t.Errorf("code is kept there: %v; the log has %s", kept, &log)
			}
		})
	}
}

// inside makes a directory in dir, and does something to it.
func inside(dir string, do func(path string) error) error {
	path := filepath.Join(dir, "wazero")
	return errors.Join(os.Mkdir(path, 0o700), do(path))
}
