package modules

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// keptMax is how many versions of a name are kept: the present one, the one before,
// and one more in case that a fault is noticed late.
const keptMax = 3

// recordName is the file that says which version is which. No module file has this
// name: those are named by their digests.
const recordName = "versions.json"

// newPrefix begins the names of files while they are being written.
const newPrefix = ".new-"

// Shelf keeps the versions of modules as Dir/NAME/DIGEST.wasm. A change is durable
// and atomic. It is safe for concurrent use within one process. A name is that of a
// plugin, which has no separators.
type Shelf struct {
	Dir string

	mu sync.Mutex
}

// Record says which versions of a name are kept. Its zero value is for a name whose
// module was never exchanged.
type Record struct {
	Kept    []string `json:"kept"`     // digests: of the version in use, then of those before it
	Swapped bool     `json:"swapped"`  // the first is used whatever module the configuration names
	OnTrial bool     `json:"on_trial"` // the second takes its place back if the first fails
}

// Record reads the record of a name.
func (s *Shelf) Record(name string) (Record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.read(name)
}

func (s *Shelf) read(name string) (r Record, err error) {
	path := filepath.Join(s.Dir, name, recordName)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &r)
	}
	if err == nil && (slices.ContainsFunc(r.Kept, isNoDigest) || r.Swapped && len(r.Kept) == 0 || r.OnTrial && len(r.Kept) < 2) {
		err = errors.New("it is damaged")
	}
	if err != nil {
		return Record{}, fmt.Errorf("%s: %w; remove it to use the module that the configuration names", path, err)
	}
	return r, nil
}

func isNoDigest(text string) bool {
	octets, err := hex.DecodeString(text)
	return err != nil || len(octets) != sha256.Size
}

// Path is where a version is kept.
func (s *Shelf) Path(name, digest string) string {
	return filepath.Join(s.Dir, name, digest+".wasm")
}

// Module reads a version. It is an error if the content of the file does not have the
// digest.
func (s *Shelf) Module(name, digest string) ([]byte, error) {
	wasm, err := os.ReadFile(s.Path(name, digest))
	if err == nil && Digest(wasm) != digest {
		err = fmt.Errorf("%s is damaged: its content has another SHA-256", s.Path(name, digest))
	}
	return wasm, err
}

// Digest is the SHA-256 of a module, in hexadecimal.
func Digest(wasm []byte) string {
	sum := sha256.Sum256(wasm)
	return hex.EncodeToString(sum[:])
}

// Advance makes next the version in use, on trial against the version before, nil if
// there is none. swapped says whether it stays in use whatever module the
// configuration names.
func (s *Shelf) Advance(name string, next, before []byte, swapped bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.read(name)
	if err != nil {
		return err
	}
	present, last := Digest(next), Digest(before)
	var kept []string
	for _, digest := range append([]string{present, last}, r.Kept...) {
		if !slices.Contains(kept, digest) && (digest != last || before != nil) {
			kept = append(kept, digest)
		}
	}
	kept = kept[:min(len(kept), keptMax)]
	for digest, wasm := range map[string][]byte{present: next, last: before} {
		if wasm == nil {
			continue
		}
		if err := s.write(name, digest+".wasm", wasm); err != nil {
			return err
		}
	}
	return s.commit(name, Record{Kept: kept, Swapped: swapped, OnTrial: before != nil && present != last})
}

// Back removes the version from, and makes to, the one before it, the version in use.
// If these are not the present version and the one before, it changes nothing. named
// is the digest of the module that the configuration names: if to is that one, it is
// not marked as swapped.
func (s *Shelf) Back(name, from, to, named string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.read(name)
	if err != nil || to == "" || r.Before(from) != to {
		return err
	}
	return s.commit(name, Record{Kept: r.Kept[slices.Index(r.Kept, to):], Swapped: to != named})
}

// Before is the version that was in use before present, "" for none. present need not
// be kept: the configuration may have come to name another module.
func (r Record) Before(present string) string {
	i := 0
	if len(r.Kept) > 0 && r.Kept[0] == present {
		i = 1
	}
	if i >= len(r.Kept) || slices.Index(r.Kept, present) > 0 {
		return ""
	}
	return r.Kept[i]
}

// commit writes the record, and then removes versions that it does not name and files
// that a crash left half written.
func (s *Shelf) commit(name string, r Record) error {
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	if err := s.write(name, recordName, append(text, '\n')); err != nil {
		return err
	}
	entries, err := os.ReadDir(filepath.Join(s.Dir, name))
	if err != nil {
		return err
	}
	var errs []error
	for _, entry := range entries {
		digest, isModule := strings.CutSuffix(entry.Name(), ".wasm")
		if isModule && !slices.Contains(r.Kept, digest) || strings.HasPrefix(entry.Name(), newPrefix) {
			errs = append(errs, os.Remove(filepath.Join(s.Dir, name, entry.Name())))
		}
	}
	return errors.Join(errs...)
}

// write replaces the content of a file, or leaves the file as it was.
func (s *Shelf) write(name, file string, content []byte) error {
	dir := filepath.Join(s.Dir, name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	temporary, err := os.CreateTemp(dir, newPrefix)
	if err != nil {
		return err
	}
	defer os.Remove(temporary.Name()) // does nothing after the rename
	_, err = temporary.Write(content)
	if err == nil {
		err = temporary.Sync()
	}
	if err = cmp.Or(err, temporary.Close()); err != nil {
		return err
	}
	if err := os.Rename(temporary.Name(), filepath.Join(dir, file)); err != nil {
		return err
	}
	return cmp.Or(syncDir(dir), syncDir(s.Dir)) // dir may be new in it
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
