package modules

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// digests of modules whose content is their letter.
func digests(letters string) []string {
	all := []string{}
	for _, letter := range letters {
		all = append(all, Digest([]byte(string(letter))))
	}
	return all
}

func TestShelf(t *testing.T) {
	s := &Shelf{Dir: t.TempDir()}
	if err := os.MkdirAll(filepath.Join(s.Dir, "tag"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(s.Dir, "tag", newPrefix+"1"), nil, 0o600); err != nil { // of a crash
		t.Fatal(err)
	}
	advance := func(next, before string, swapped bool) func() error {
		return func() error { return s.Advance("tag", []byte(next), []byte(before), swapped) }
	}
	back := func(from, to, named string) func() error {
		return func() error { return s.Back("tag", Digest([]byte(from)), Digest([]byte(to)), Digest([]byte(named))) }
	}
	for _, step := range []struct {
		name    string
		do      func() error
		kept    string
		swapped bool
		trial   bool
	}{
		{"swap", advance("b", "a", true), "ba", true, true},
		{"again", advance("c", "b", true), "cba", true, true},
		{"the last three stay", advance("d", "c", true), "dcb", true, true},
		{"back", back("d", "c", "a"), "cb", true, false},
		{"back from what is gone", back("d", "c", "a"), "cb", true, false},
		{"reset", advance("a", "c", false), "acb", false, true},
		{"back to a swapped one", back("a", "c", "a"), "cb", true, false},
		{"an older one", advance("b", "c", true), "bc", true, true},
		{"back to what the file names", back("b", "c", "c"), "c", false, false},
		{"the file has changed since", back("x", "c", "x"), "c", true, false},
	} {
		if err := step.do(); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		r, err := s.Record("tag")
		if err != nil || !slices.Equal(r.Kept, digests(step.kept)) || r.Swapped != step.swapped || r.OnTrial != step.trial {
			t.Errorf("%s: %+v, %v", step.name, r, err)
		}
		files, err := filepath.Glob(filepath.Join(s.Dir, "tag", "*"))
		if err != nil || len(files) != len(step.kept)+1 { // and the record
			t.Errorf("%s: files %v, %v", step.name, files, err)
		}
	}
}

func TestBefore(t *testing.T) {
	r := Record{Kept: []string{"b", "a"}}
	for present, want := range map[string]string{"b": "a", "x": "b", "a": ""} {
		if got := r.Before(present); got != want {
			t.Errorf("before %s: %q, want %q", present, got, want)
		}
	}
	if got := (Record{}).Before("x"); got != "" {
		t.Errorf("of nothing: %q", got)
	}
}

func TestDamagedShelf(t *testing.T) {
	s := &Shelf{Dir: t.TempDir()}
	if err := s.Advance("tag", []byte("b"), nil, true); err != nil {
		t.Fatal(err)
	}
	digest := digests("b")[0]
	if wasm, err := s.Module("tag", digest); err != nil || string(wasm) != "b" {
		t.Errorf("%q, %v", wasm, err)
	}
	if err := os.WriteFile(s.Path("tag", digest), []byte("other"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Module("tag", digest); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("another content: %v", err)
	}
	for _, text := range []string{"", "{", `{"swapped":true}`, `{"kept":["../../x"],"swapped":true}`, `{"on_trial":true}`} {
		if err := os.WriteFile(filepath.Join(s.Dir, "tag", recordName), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if r, err := s.Record("tag"); err == nil {
			t.Errorf("%q: %+v", text, r)
		}
	}
}
