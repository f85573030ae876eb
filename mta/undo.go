package mta

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
)

// planUndo reads the generation before. What the last Apply did not touch is
// not in it, and stays as it is.
func (s *session) planUndo() error {
	info, err := s.stat(path.Join(previousName, manifestName))
	if err != nil {
		return err
	}
	if info == nil {
		return ErrNoGeneration
	}
	previous, err := s.manifest(previousName)
	if err != nil {
		return err
	}
	s.undoing = true
	s.next.sums = previous.sums
	s.next.Pinned = true
	for p := range s.now.sums {
		if _, stays := previous.sums[p]; !stays {
			s.gone = append(s.gone, p)
		}
	}
	slices.Sort(s.gone)
	return nil
}

// stagePrevious links the files of the generation before as if they were new.
func (s *session) stagePrevious() error {
	if err := s.mkdir(stagingName, owner{s.owner.uid, s.owner.gid, 0o700}); err != nil {
		return err
	}
	for i, p := range slices.Sorted(maps.Keys(s.next.sums)) {
		held := path.Join(previousName, p)
		if info, err := s.stat(held); err != nil {
			return err
		} else if info == nil {
			continue
		}
		if _, err := s.ours(p); err != nil {
			return err
		}
		staged := path.Join(stagingName, strconv.Itoa(i)+"-"+path.Base(p))
		if err := s.link(held, staged); err != nil {
			return fmt.Errorf("%s: %w", p, err)
		}
		s.moves = append(s.moves, move{staged, p})
		s.report.Written = append(s.report.Written, p)
	}
	return nil
}
