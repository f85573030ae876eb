package mta

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/mmgw/mmgw/gateway"
)

// The records that a Tree keeps in its directory.
const (
	manifestName = reserved + "manifest" // what is ours
	stagingName  = reserved + "new"      // files before they replace others
	keepingName  = reserved + "kept"     // the next previousName, while it is made
	previousName = reserved + "previous" // the generation before, with a manifest of its own
)

// manifest says which files of a directory are ours. Its text is what
// sha256sum -c reads, with a comment line for each mark.
type manifest struct {
	sums map[string]string // path -> SHA-256 in hex, or outdated
	State
}

// State is what a Tree remembers of the last Apply or Undo.
type State struct {
	Unfinished bool // it was cut off: some files may be old ones
	ReloadDue  bool // the reload command has not succeeded since files changed
	Pinned     bool // it was an Undo: Apply is for a person to call
}

// outdated stands for the sum of a compiled table that is older than its text.
var outdated = strings.Repeat("0", 2*sha256.Size)

const manifestTitle = "# Files of mmgw in this directory; sha256sum -c reads this."

func sumOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// marks are the comment lines of a state.
func (s *State) marks() map[string]*bool {
	return map[string]*bool{"# unfinished": &s.Unfinished, "# reload due": &s.ReloadDue, "# pinned": &s.Pinned}
}

func (m manifest) clone() manifest {
	m.sums = maps.Clone(m.sums)
	return m
}

func (m manifest) text() []byte {
	var b strings.Builder
	b.WriteString(manifestTitle + "\n")
	marks := m.marks()
	for _, line := range slices.Sorted(maps.Keys(marks)) {
		if *marks[line] {
			b.WriteString(line + "\n")
		}
	}
	for _, p := range slices.Sorted(maps.Keys(m.sums)) {
		b.WriteString(m.sums[p] + "  " + p + "\n")
	}
	return []byte(b.String())
}

// parseManifest reads what text wrote. A path that could not have been
// installed makes the whole manifest an error: nothing is removed on its word.
func parseManifest(text []byte) (manifest, error) {
	m := manifest{sums: map[string]string{}}
	marks := m.marks()
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		if strings.HasPrefix(line, "#") {
			if mark := marks[line]; mark != nil {
				*mark = true
			}
			continue
		}
		sum, p, _ := strings.Cut(line, "  ")
		if raw, err := hex.DecodeString(sum); err != nil || len(raw) != sha256.Size || checkPath(p) != nil {
			return manifest{}, fmt.Errorf("%w: %s is damaged at %q: remove the files that it names, then itself",
				ErrRefused, manifestName, gateway.Printable(line))
		}
		m.sums[p] = sum
	}
	return m, nil
}
