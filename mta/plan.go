package mta

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"path"
	"slices"

	"github.com/mmgw/mmgw/gateway"
)

// session is one Apply or Undo: planned, staged, installed, reloaded.
type session struct {
	disk
	options Options
	owner   owner    // of the directory of the tree
	now     manifest // as it was found
	next    manifest // as it is to be
	write   []gateway.File
	compile map[string]bool
	moves   []move
	gone    []string
	undoing bool
	report  Report
}

// move is a staged file and the place that it is for.
type move struct{ staged, path string }

// begin opens and locks the directory and reads what is ours in it.
func (t *Tree) begin(ctx context.Context, o Options) (*session, error) {
	d, err := t.openDisk()
	if err != nil {
		return nil, err
	}
	s := &session{disk: d, options: o}
	s.options.Timeout = cmp.Or(o.Timeout, CommandTimeout)
	if err := s.start(ctx); err != nil {
		d.close()
		return nil, err
	}
	return s, nil
}

func (s *session) start(ctx context.Context) error {
	if err := s.lock(ctx); err != nil {
		return err
	}
	info, err := s.dir.Stat()
	if err != nil {
		return err
	}
	s.owner = ownerOf(info)
	s.now, err = s.manifest(".")
	if err != nil {
		return err
	}
	s.next = s.now.clone()
	s.next.Pinned, s.next.Unfinished = false, false
	if err := s.mendPrevious(); err != nil {
		return err
	}
	return s.clear()
}

// clear removes what an Apply that was cut off left behind.
func (s *session) clear() error { return s.removeAll(stagingName) }

// planFiles finds out which of files differ from the disk and what of ours is
// gone. Whatever stands in the way is found before anything changes.
func (s *session) planFiles(files []gateway.File) error {
	s.compile = map[string]bool{}
	for _, p := range Maps(files, s.options.FileType) {
		s.compile[p] = true
	}
	for _, f := range files {
		current, err := s.isCurrent(f)
		if err != nil {
			return err
		}
		if !current {
			s.write = append(s.write, f)
			s.outdateTables(f.Path)
		}
		s.next.sums[f.Path] = sumOf(f.Data)
	}
	s.gone = stale(s.now, files)
	for _, p := range s.gone {
		delete(s.next.sums, p)
	}
	return nil
}

// isCurrent says whether f stands there as it is, and its table too.
func (s *session) isCurrent(f gateway.File) (bool, error) {
	data, err := s.ours(f.Path)
	if err != nil {
		return false, err
	}
	current := data != nil && string(data) == string(f.Data)
	if !s.compile[f.Path] {
		return current, nil
	}
	table, err := s.ours(f.Path + ending(s.options.FileType))
	if err != nil {
		return false, err
	}
	return current && table != nil && sumOf(table) == s.now.sums[f.Path+ending(s.options.FileType)], nil
}

// ours reads a file of ours, nil where there is none. One that is there and
// not ours is ErrRefused.
func (s *session) ours(p string) ([]byte, error) {
	data, err := s.read(p)
	if _, known := s.now.sums[p]; err == nil && data != nil && !known {
		err = fmt.Errorf("%w: %s was not written by mmgw: move it away", ErrRefused, p)
	}
	return data, err
}

// outdateTables notes that what was compiled from the text at p is older than
// that will be, until postmap has run again.
func (s *session) outdateTables(p string) {
	for _, end := range tableEndings {
		if _, known := s.next.sums[p+end]; known {
			s.next.sums[p+end] = outdated
		}
	}
}

// stale are the paths of m that are neither among files nor compiled from one.
func stale(m manifest, files []gateway.File) []string {
	rendered := make(map[string]bool, len(files))
	for _, f := range files {
		rendered[f.Path] = true
	}
	var gone []string
	for _, p := range slices.Sorted(maps.Keys(m.sums)) {
		text := p[:len(p)-len(path.Ext(p))]
		if !rendered[p] && !(isCompiled(p) && rendered[text]) {
			gone = append(gone, p)
		}
	}
	return gone
}

// isCompiled says whether p is named as postmap names what it makes.
func isCompiled(p string) bool { return slices.Contains(tableEndings[:], path.Ext(p)) }
