package mta

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"
	"syscall"
	"time"

	"github.com/mmgw/mmgw/gateway"
)

// Tree is a directory of files that mmgw writes for an MTA. Several Trees, in
// several processes too, may stand for the same directory at once.
type Tree struct {
	Dir string // made by Apply, readable by all, if its parent exists

	step func(operation, name string) error // see disk
}

// Options say what Apply and Undo run besides writing files.
type Options struct {
	Postmap  []string      // command and arguments; "TYPE:FILE" is appended
	FileType string        // [mta.configuration] transport_file_type; see Maps
	Reload   string        // the administrator's reload_command, for /bin/sh -c; "" for none
	Timeout  time.Duration // of each command; 0: CommandTimeout
}

// Report is what an Apply or Undo did. Paths are relative and sorted.
type Report struct {
	Written  []string // new or with new contents
	Compiled []string // those of Written that postmap made
	Removed  []string // ours, and not rendered any more
	Reloaded bool     // the reload command ran and succeeded
	Output   string   // what postmap and the reload command printed, in one printable line
}

// dirMode is the mode of directories that are made: the MTA's users read them.
const dirMode = 0o755

// Lock waiting: an Apply takes well under a second except for the reload command.
const (
	lockWaitMax  = 10 * time.Second
	lockInterval = 20 * time.Millisecond
)

// Diff is the unified diff from the files as they are to files, "" where they
// are the same. Files of ours that are not among files end in /dev/null.
// Compiled tables are not compared. Nothing is locked, written or made.
func (t *Tree) Diff(files []gateway.File) (string, error) {
	files, err := installed(files)
	if err != nil {
		return "", err
	}
	d, err := t.openDisk()
	if errors.Is(err, fs.ErrNotExist) {
		return diffOf(files, func(string) ([]byte, error) { return nil, nil }, nil)
	}
	if err != nil {
		return "", err
	}
	defer d.close()
	m, err := d.manifest(".")
	if err != nil {
		return "", err
	}
	return diffOf(files, d.read, stale(m, files))
}

func diffOf(files []gateway.File, read func(string) ([]byte, error), gone []string) (string, error) {
	const nothing = "/dev/null"
	var out strings.Builder
	for _, f := range files {
		old, err := read(f.Path)
		if err != nil {
			return "", err
		}
		name := "a/" + f.Path
		if old == nil {
			name = nothing
		}
		out.WriteString(unified(name, "b/"+f.Path, old, f.Data))
	}
	for _, p := range gone {
		old, err := read(p)
		if err != nil {
			return "", err
		}
		if !isCompiled(p) {
			out.WriteString(unified("a/"+p, nothing, old, nil))
		}
	}
	return out.String(), nil
}

// State is what the last Apply or Undo left. A directory that is not there has
// the zero State.
func (t *Tree) State() (State, error) {
	d, err := t.openDisk()
	if errors.Is(err, fs.ErrNotExist) {
		return State{}, nil
	}
	if err != nil {
		return State{}, err
	}
	defer d.close()
	m, err := d.manifest(".")
	return m.State, err
}

// Apply makes the directory hold files, and of ours nothing else. Each file
// that changes is written beside the old one, synced and, if it is one of
// Maps, compiled by postmap; then the old generation is set aside, the new
// files are renamed into their places one after the other, and the reload
// command runs, if a file changed or it is due. Owner and mode of a file that
// is replaced are kept; new ones get the directory's owner and their own mode.
// Where nothing is to be done nothing is.
func (t *Tree) Apply(ctx context.Context, files []gateway.File, o Options) (Report, error) {
	files, err := installed(files)
	if err != nil {
		return Report{}, err
	}
	if err := t.makeDir(); err != nil {
		return Report{}, err
	}
	s, err := t.begin(ctx, o)
	if err != nil {
		return Report{}, err
	}
	defer s.close()
	if err := s.planFiles(files); err != nil {
		return Report{}, err
	}
	noPostmap, err := s.stageFiles(ctx)
	if err != nil {
		return s.report, errors.Join(fmt.Errorf("write to %s: %w", t.Dir, err), s.clear())
	}
	if err := s.install(); err != nil {
		return s.report, fmt.Errorf("install in %s: %w", t.Dir, err)
	}
	return s.report, errors.Join(noPostmap, s.reload(ctx))
}

// Undo returns to the generation before the last Apply, compiled tables
// included, and pins it: State tells, until the next Apply. A second Undo
// takes the first back. Of o only Reload and Timeout count.
func (t *Tree) Undo(ctx context.Context, o Options) (Report, error) {
	s, err := t.begin(ctx, o)
	if errors.Is(err, fs.ErrNotExist) {
		return Report{}, ErrNoGeneration
	}
	if err != nil {
		return Report{}, err
	}
	defer s.close()
	if err := s.planUndo(); err != nil {
		return Report{}, err
	}
	if err := s.stagePrevious(); err != nil {
		return s.report, errors.Join(err, s.clear())
	}
	if err := s.install(); err != nil {
		return s.report, err
	}
	return s.report, s.reload(ctx)
}

func (t *Tree) openDisk() (disk, error) {
	root, err := os.OpenRoot(t.Dir)
	if err != nil {
		return disk{}, err
	}
	dir, err := root.Open(".")
	if err != nil {
		return disk{}, errors.Join(err, root.Close())
	}
	return disk{root: root, dir: dir, step: t.step}, nil
}

func (d disk) close() {
	d.dir.Close()
	d.root.Close()
}

// manifest reads the manifest in dir; there is an empty one where there is none.
func (d disk) manifest(dir string) (manifest, error) {
	text, err := d.read(path.Join(dir, manifestName))
	if err != nil {
		return manifest{}, err
	}
	return parseManifest(text)
}

// makeDir makes the directory of the tree if it is not there.
func (t *Tree) makeDir() error {
	err := os.Mkdir(t.Dir, dirMode)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return os.Chmod(t.Dir, dirMode) // whatever the umask
}

// lock excludes other Applies until d is closed.
func (d disk) lock(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, lockWaitMax)
	defer cancel()
	retry := time.NewTicker(lockInterval)
	defer retry.Stop()
	for {
		err := syscall.Flock(int(d.dir.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w in %s: %w", ErrBusy, d.root.Name(), ctx.Err())
		case <-retry.C:
		}
	}
}
