package verp

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mmgw/mmgw/gateway"
)

func TestLoadOrCreateKeys(t *testing.T) {
	path := filepath.Join(t.TempDir(), "verp.key")
	keys := make([]Key, 8)
	var group sync.WaitGroup
	for i := range keys {
		group.Go(func() {
			got, err := LoadOrCreateKeys(path)
			if err != nil || len(got) != 1 {
				t.Errorf("%v, %v", got, err)
				return
			}
			keys[i] = got[0]
		})
	}
	group.Wait()
	for _, k := range keys {
		if k != keys[0] || k.Secret == (Key{}).Secret {
			t.Fatal("keys differ, or are zero")
		}
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if left, _ := os.ReadDir(filepath.Dir(path)); len(left) != 1 {
		t.Errorf("%d files are left", len(left))
	}
}

func TestRotateKeys(t *testing.T) {
	path := filepath.Join(t.TempDir(), "verp.key")
	first, err := LoadOrCreateKeys(path)
	if err != nil {
		t.Fatal(err)
	}
	codec := &Codec{Keys: first}
	bounced, _ := codec.Encode(announce, "anne@example.com", message)
	const believed = 10 * 24 * time.Hour
	for n := range 3 {
		at := now.Add(time.Duration(n) * 7 * 24 * time.Hour)
		keys, err := RotateKeys(path, at, believed)
		if err != nil {
			t.Fatal(err)
		}
		loaded, err := LoadOrCreateKeys(path)
		if err != nil || len(loaded) != len(keys) || len(keys) != min(n+2, 3) || loaded[0].Secret == first[0].Secret {
			t.Fatalf("rotation %d: %d keys, loaded %d, %v", n, len(keys), len(loaded), err)
		}
		codec.Keys = loaded
		_, detail, _ := codec.Split(gateway.ForwardPath(bounced))
		for _, after := range []time.Duration{0, believed - time.Second, believed} {
			_, err := codec.Decode(announce, detail, now.Add(after))
			if (err == nil) != (after < believed && n < 2) { // the third rotation took it out
				t.Errorf("rotation %d, after %v: %v", n, after, err)
			}
		}
	}
}

func TestKeyFileRefused(t *testing.T) {
	good := key.String() + "\n"
	for text, want := range map[string]string{
		"":                        "is empty: restore it",
		"zz\n":                    ":1: a key must have 64",
		good[:60] + "\n":          ":1: a key must have 64",
		good + "\n":               "",
		good + good:               "",
		good + "x\n":              ":2: a key must have 64",
		key.String() + " soon":    ":1: what follows a key",
		strings.Repeat(good, 300): "more than",
	} {
		path := filepath.Join(t.TempDir(), "verp.key")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := LoadOrCreateKeys(path)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%.70q: %v", text, err)
		}
		if err := os.Chmod(path, 0o640); err != nil {
			t.Fatal(err)
		}
		if _, err := LoadOrCreateKeys(path); err == nil || !strings.Contains(err.Error(), "read by others") {
			t.Errorf("mode 0640: %v", err)
		}
	}
}
