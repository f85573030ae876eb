package mta

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

func TestUnifiedGolden(t *testing.T) {
	names, err := filepath.Glob("testdata/diff/*.txtar")
	if err != nil || len(names) == 0 {
		t.Fatal("no golden files", err)
	}
	for _, name := range names {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		old, changed, want := archive.Files[0].Data, archive.Files[1].Data, archive.Files[2].Data
		if got := unified("old", "new", old, changed); got != string(want) {
			t.Errorf("%s gives\n%s", name, got)
		}
	}
}

func TestUnifiedEnds(t *testing.T) {
	for _, c := range []struct{ name, old, new, want string }{
		{"same", "a\n", "a\n", ""},
		{"both empty", "", "", ""},
		{"new file", "", "a\nb\n", "@@ -0,0 +1,2 @@\n+a\n+b\n"},
		{"emptied", "a\n", "", "@@ -1 +0,0 @@\n-a\n"},
		{"line end lost", "a\n", "a", "@@ -1 +1 @@\n-a\n+a\n\\ No newline at end of file\n"},
		{"escape sequence", "", "\x1b[2J\ta\r\n", "@@ -0,0 +1 @@\n+?[2J\ta?\n"},
	} {
		_, got, _ := strings.Cut(unified("o", "n", []byte(c.old), []byte(c.new)), "+++ n\n")
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// patch applies what unified wrote, and fails where it is not true.
func patch(t *testing.T, old, diff string) string {
	t.Helper()
	lines, out, at := splitLines([]byte(old)), "", 0
	for i, line := range splitLines([]byte(diff)) {
		switch {
		case i < 2:
		case line[0] == '@':
			start, count, two := strings.Cut(strings.TrimPrefix(strings.Fields(line)[1], "-"), ",")
			n, _ := strconv.Atoi(start)
			if !two || count != "0" {
				n--
			}
			for ; at < n; at++ {
				out += lines[at]
			}
		case line[0] == '+':
			out += line[1:]
		default:
			if lines[at] != line[1:] {
				t.Fatalf("line %d is %q, the diff says %q", at, lines[at], line)
			}
			if line[0] == ' ' {
				out += lines[at]
			}
			at++
		}
	}
	return out + strings.Join(lines[at:], "")
}

func TestUnifiedIsTrue(t *testing.T) {
	for seed := range uint64(2000) {
		r := rand.New(rand.NewPCG(seed, 1))
		random := func() string {
			var b strings.Builder
			for range r.IntN(30) {
				fmt.Fprintf(&b, "%d\n", r.IntN(25))
			}
			return b.String()
		}
		old, changed := random(), random()
		diff := unified("o", "n", []byte(old), []byte(changed))
		if got := patch(t, old, diff); diff != "" && got != changed {
			t.Fatalf("seed %d: from %q to %q by\n%s", seed, old, changed, diff)
		}
	}
}

func bigMap(lists, without int) []byte {
	var b bytes.Buffer
	for i := range lists {
		if i != without {
			fmt.Fprintf(&b, "list-%06d@lists.example.com lmtp:[127.0.0.1]:8024\n\n", i)
		}
	}
	return b.Bytes()
}

// One list more among 50,000 is two lines, and quickly found.
func BenchmarkUnified(b *testing.B) {
	old, changed := bigMap(50_000, 25_000), bigMap(50_000, -1)
	for b.Loop() {
		if lines := strings.Count(unified("o", "n", old, changed), "\n"); lines != 11 {
			b.Fatal(lines, "lines")
		}
	}
}

// Another port changes every line.
func BenchmarkUnifiedAllChanged(b *testing.B) {
	old := bigMap(50_000, -1)
	changed := bytes.ReplaceAll(old, []byte("8024"), []byte("8025"))
	for b.Loop() {
		unified("o", "n", old, changed)
	}
}
