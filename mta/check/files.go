package check

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/mmgw/mmgw/mta"
)

// Permission bits that an MTA needs, which reads as a user of its own.
const (
	othersRead   = 0o004
	othersSearch = 0o001
	othersWrite  = 0o002
	filesTried   = 1000 // whose modes are looked at: they are made alike
)

const applyFix = "mmgw mta apply"

// files compares the directory with what should be there, and looks at it with
// the eyes of the MTA's user.
func (s *Site) files() []Finding {
	if len(s.Files) == 0 {
		return nil
	}
	var found []Finding
	for _, dir := range upwards(s.Tree.Dir) {
		if !exists(dir) {
			return append(found, Finding{Finding: "is not there", File: dir, Fix: applyFix})
		}
		found = append(found, mode(dir, othersSearch, "o+x")...)
	}
	found = append(found, s.generation()...)
	for _, f := range s.Files[:min(len(s.Files), filesTried)] {
		if path := filepath.Join(s.Tree.Dir, f.Path); exists(path) { // else the difference tells
			found = append(found, mode(path, othersRead, "o+r")...)
		}
	}
	for _, table := range mta.Maps(s.Files, s.FileType) {
		found = append(found, mode(filepath.Join(s.Tree.Dir, mta.Compiled(table, s.FileType)), othersRead, "o+r")...)
	}
	return found
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

// generation tells whether the files are those that would be written now.
func (s *Site) generation() (found []Finding) {
	diff, err := s.Tree.Diff(s.Files)
	switch {
	case err != nil:
		return []Finding{{Finding: fmt.Sprintf("the files cannot be read: %v", err), File: s.Tree.Dir, Fix: "run this as the user that owns them"}}
	case diff != "":
		found = append(found, Finding{Finding: "the files are not those of the present lists; `mmgw mta diff` shows how they differ", File: s.Tree.Dir, Fix: applyFix})
	}
	state, err := s.Tree.State()
	for _, mark := range []struct {
		set  bool
		text string
	}{
		{err == nil && state.Unfinished, "the last apply was cut off: some files may be old ones"},
		{err == nil && state.ReloadDue, "the reload command has not succeeded since the files changed"},
		{err == nil && state.Pinned, "the files are those of an undo, and stay until the next apply"},
	} {
		if mark.set {
			found = append(found, Finding{Finding: mark.text, File: s.Tree.Dir, Fix: applyFix})
		}
	}
	return found
}

// mode tells whether others have the wanted bit of a file, and cannot write it.
func mode(path string, wanted fs.FileMode, how string) []Finding {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return []Finding{{Finding: "is not there", File: path, Fix: applyFix}}
	case err != nil:
		return []Finding{{Finding: err.Error(), File: path, Fix: "run this as a user that may look there"}}
	case info.Mode().Perm()&wanted == 0:
		return []Finding{{
			Finding: fmt.Sprintf("has mode %04o: the MTA's user cannot get at it", info.Mode().Perm()),
			File:    path, Fix: "chmod " + how + " " + path,
		}}
	case info.Mode().Perm()&othersWrite != 0 && info.Mode()&fs.ModeSticky == 0:
		return []Finding{{
			Finding: fmt.Sprintf("has mode %04o: everybody may send mail for the lists elsewhere", info.Mode().Perm()),
			File:    path, Fix: "chmod o-w " + path,
		}}
	}
	return nil
}

// upwards are dir and the directories above it, from the root on.
func upwards(dir string) []string {
	dirs := []string{"/"}
	for i, c := range filepath.Clean(dir) {
		if c == filepath.Separator && i > 0 {
			dirs = append(dirs, dir[:i])
		}
	}
	if clean := filepath.Clean(dir); !strings.HasSuffix(clean, "/") {
		dirs = append(dirs, clean)
	}
	return dirs
}
