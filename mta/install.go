package mta

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strconv"
)

// install sets the old generation aside and puts the staged files in place.
// Until the first rename nothing has changed for the MTA; from then on the
// manifest says Unfinished, so that the next Apply knows what was cut off. What
// a step relies on is synced before it, so that a power cut does no more than
// a crash.
func (s *session) install() error {
	changed := len(s.moves)+len(s.gone) > 0
	if changed {
		s.next.ReloadDue = true
		if err := s.exchange(); err != nil {
			return err
		}
	}
	if s.options.Reload == "" {
		s.next.ReloadDue = false
	}
	if changed || s.now.State != s.next.State {
		if err := s.writeManifest(s.next, "."); err != nil {
			return err
		}
	}
	s.report.Removed = s.gone
	slices.Sort(s.report.Written)
	return s.clear()
}

// exchange makes the files that change the generation before: at once in an
// Apply; in an Undo, whose files come out of that generation, when they are
// back in their places.
func (s *session) exchange() error {
	if err := s.keepOld(); err != nil {
		return fmt.Errorf("set the old files aside: %w", err)
	}
	if !s.undoing {
		if err := s.keptIsPrevious(); err != nil {
			return fmt.Errorf("set the old files aside: %w", err)
		}
	}
	if err := s.replace(); err != nil {
		return fmt.Errorf("%s may hold files of both generations, each whole; the next apply makes up for it: %w", s.root.Name(), err)
	}
	if s.undoing {
		return s.keptIsPrevious()
	}
	return nil
}

// keepOld copies the files that are about to change. After an Apply that was
// cut off the generation before is still the one that it set aside: that is
// added to, and what has replaced its files stays out.
func (s *session) keepOld() error {
	if s.now.Unfinished {
		return s.addPrevious()
	}
	if err := s.removeAll(keepingName); err != nil {
		return err
	}
	if err := s.keep(keepingName, func(string) bool { return true }); err != nil {
		return err
	}
	return s.writeManifest(s.now, keepingName)
}

// keptIsPrevious makes what keepOld copied the generation before.
func (s *session) keptIsPrevious() error {
	if s.now.Unfinished {
		return nil
	}
	err := s.rename(previousName, path.Join(stagingName, "previous"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := s.rename(keepingName, previousName); err != nil {
		return err
	}
	return s.sync(".")
}

// mendPrevious does the second step of keptIsPrevious where the first was the
// last before a crash.
func (s *session) mendPrevious() error {
	previous, err := s.root.Lstat(previousName)
	if previous != nil || !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if kept, err := s.stat(path.Join(keepingName, manifestName)); kept == nil || err != nil {
		return nil // it was not complete
	}
	return s.rename(keepingName, previousName)
}

func (s *session) addPrevious() error {
	previous, err := s.manifest(previousName)
	if err != nil {
		return err
	}
	return s.keep(previousName, func(p string) bool {
		_, known := previous.sums[p]
		held, err := s.stat(path.Join(previousName, p))
		return known && held == nil && err == nil
	})
}

// keep copies those files that are about to change, and are wanted, below into,
// each at once. A link instead would keep the MTA from noticing: Postfix knows
// a table that was replaced by the open file having no name left.
func (s *session) keep(into string, wanted func(p string) bool) error {
	hidden := owner{s.owner.uid, s.owner.gid, 0o700}
	for _, dir := range []string{into, stagingName} {
		if err := s.mkdir(dir, hidden); err != nil {
			return err
		}
	}
	made := map[string]bool{into: true}
	var copies []move
	for i, p := range s.touched() {
		info, err := s.stat(p)
		if err != nil {
			return err
		}
		if info == nil || !wanted(p) {
			continue
		}
		kept := move{path.Join(stagingName, "kept-"+strconv.Itoa(i)), path.Join(into, p)}
		if err := s.mkdirAll(kept.path, hidden, made); err != nil {
			return err
		}
		if err := s.copy(p, kept.staged, ownerOf(info)); err != nil {
			return err
		}
		copies = append(copies, kept)
	}
	if err := s.sync(stagedNames(copies)...); err != nil {
		return err
	}
	for _, c := range copies {
		if err := s.rename(c.staged, c.path); err != nil {
			return err
		}
	}
	return s.sync(slices.Sorted(maps.Keys(made))...)
}

// touched are the paths that change.
func (s *session) touched() []string {
	paths := slices.Clone(s.gone)
	for _, m := range s.moves {
		paths = append(paths, m.path)
	}
	return paths
}

// replace renames the staged files into their places and removes what is gone.
func (s *session) replace() error {
	both := s.next.clone()
	both.Unfinished = true
	for p, sum := range s.now.sums {
		if _, stays := both.sums[p]; !stays {
			both.sums[p] = sum
		}
	}
	if err := s.writeManifest(both, "."); err != nil {
		return err
	}
	made := map[string]bool{}
	for _, m := range s.moves {
		if err := s.mkdirAll(m.path, owner{s.owner.uid, s.owner.gid, dirMode}, made); err != nil {
			return err
		}
		if err := s.rename(m.staged, m.path); err != nil {
			return err
		}
	}
	for _, p := range s.gone {
		if err := s.remove(p); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		s.removeEmptyDirs(p)
	}
	return s.sync(s.touchedDirs()...)
}

// removeEmptyDirs removes the directories above p that hold nothing any more.
// One that cannot be removed stays: nobody is misled by it.
func (s *session) removeEmptyDirs(p string) {
	for dir := path.Dir(p); dir != "." && s.remove(dir) == nil; dir = path.Dir(dir) {
	}
}

// touchedDirs are the directories in which an entry changed.
func (s *session) touchedDirs() []string {
	dirs := map[string]bool{".": true}
	for _, p := range s.touched() {
		for dir := path.Dir(p); !dirs[dir]; dir = path.Dir(dir) {
			if info, err := s.root.Lstat(dir); err == nil && info.IsDir() {
				dirs[dir] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(dirs))
}

// writeManifest replaces the manifest in dir.
func (s *session) writeManifest(m manifest, dir string) error {
	if err := s.mkdir(stagingName, owner{s.owner.uid, s.owner.gid, 0o700}); err != nil {
		return err
	}
	staged := path.Join(stagingName, "manifest")
	if err := s.create(staged, m.text(), owner{s.owner.uid, s.owner.gid, 0o644}); err != nil {
		return err
	}
	if err := s.sync(staged); err != nil {
		return err
	}
	if err := s.rename(staged, path.Join(dir, manifestName)); err != nil {
		return err
	}
	return s.sync(dir)
}

// reload runs the reload command if it is due, and notes that it succeeded.
func (s *session) reload(ctx context.Context) error {
	if !s.next.ReloadDue {
		return nil
	}
	if err := s.before("reload", s.options.Reload); err != nil {
		return err
	}
	output, err := run(ctx, s.options.Timeout, shell, "-c", s.options.Reload)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrReload, err)
	}
	s.report.Output = joinOutput(s.report.Output, output)
	s.report.Reloaded = true
	s.next.ReloadDue = false
	if err := s.writeManifest(s.next, "."); err != nil {
		return err
	}
	return s.clear()
}
