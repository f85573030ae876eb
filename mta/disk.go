package mta

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"syscall"

	"github.com/mmgw/mmgw/gateway"
)

// disk is the directory of a Tree, opened once: a directory swapped for
// another or a link that leads out of it is never followed. Every change of the
// disk goes through it and asks step first, which in tests stands for a crash
// or a failing disk.
type disk struct {
	root *os.Root
	dir  *os.File                           // root itself
	step func(operation, name string) error // nil outside of tests
}

// owner is to whom a file belongs and who may use it.
type owner struct {
	uid, gid int
	mode     fs.FileMode // permission bits
}

func ownerOf(info fs.FileInfo) owner {
	o := owner{uid: os.Geteuid(), gid: os.Getegid(), mode: info.Mode().Perm()}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		o.uid, o.gid = int(stat.Uid), int(stat.Gid)
	}
	return o
}

func (d disk) before(operation, name string) error {
	if d.step == nil {
		return nil
	}
	return d.step(operation, name)
}

// create makes a file that was not there and gives it to o.
func (d disk) create(name string, data []byte, o owner) error {
	if err := d.before("create", name); err != nil {
		return err
	}
	f, err := d.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, own(f, o), f.Close())
}

// own makes an open file or directory o's.
func own(f *os.File, o owner) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if has := ownerOf(info); has.uid != o.uid || has.gid != o.gid {
		if err := f.Chown(o.uid, o.gid); err != nil {
			return fmt.Errorf("%w: it would change hands, which only root can prevent: %w", ErrRefused, err)
		}
	}
	return f.Chmod(o.mode)
}

// mkdir makes a directory unless there is one.
func (d disk) mkdir(name string, o owner) error {
	if err := d.before("mkdir", name); err != nil {
		return err
	}
	err := d.root.Mkdir(name, 0o700)
	if errors.Is(err, fs.ErrExist) {
		return d.mustBeDir(name)
	}
	if err != nil {
		return err
	}
	f, err := d.root.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	return own(f, o)
}

// mkdirAll makes the directories above name.
func (d disk) mkdirAll(name string, o owner, made map[string]bool) error {
	dir := path.Dir(name)
	if dir == "." || made[dir] {
		return nil
	}
	if err := d.mkdirAll(dir, o, made); err != nil {
		return err
	}
	made[dir] = true
	return d.mkdir(dir, o)
}

func (d disk) rename(from, to string) error {
	if err := d.before("rename", to); err != nil {
		return err
	}
	return d.root.Rename(from, to)
}

func (d disk) link(from, to string) error {
	if err := d.before("link", to); err != nil {
		return err
	}
	return d.root.Link(from, to)
}

// copy makes a file that was not there with what is in another one.
func (d disk) copy(from, to string, o owner) error {
	data, err := d.read(from)
	if err != nil {
		return err
	}
	return d.create(to, data, o)
}

func (d disk) remove(name string) error {
	if err := d.before("remove", name); err != nil {
		return err
	}
	return d.root.Remove(name)
}

// removeAll removes name with what is in it; a link is removed, not followed.
func (d disk) removeAll(name string) error {
	if _, err := d.root.Lstat(name); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err := d.before("remove", name); err != nil {
		return err
	}
	return d.root.RemoveAll(name)
}

// syncEachMax is up to how many files are synced one by one. Beyond it the
// file system is synced as a whole, which costs one wait instead of one a file.
const syncEachMax = 64

// sync makes the contents of files, or the entries of directories, durable.
func (d disk) sync(names ...string) error {
	if len(names) > syncEachMax && canSyncAll {
		if err := d.before("sync", "*"); err != nil {
			return err
		}
		return syncAll(d.dir)
	}
	for _, name := range names {
		if err := d.before("sync", name); err != nil {
			return err
		}
		if err := d.open(name, (*os.File).Sync); err != nil {
			return err
		}
	}
	return nil
}

func (d disk) open(name string, use func(*os.File) error) error {
	f, err := d.root.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	return use(f)
}

// stat returns what stands at name, nil for nothing. Anything but a regular
// file, or but a directory on the way to it, is ErrRefused.
func (d disk) stat(name string) (fs.FileInfo, error) {
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		if err := d.mustBeDir(dir); err != nil {
			return nil, err
		}
	}
	info, err := d.root.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, refuseKind(name, info)
	}
	return info, nil
}

// mustBeDir takes a directory, or nothing.
func (d disk) mustBeDir(name string) error {
	info, err := d.root.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !info.IsDir():
		return refuseKind(name, info)
	}
	return nil
}

func refuseKind(name string, info fs.FileInfo) error {
	kind := "something of another kind"
	switch info.Mode().Type() {
	case 0:
		kind = "a file"
	case fs.ModeDir:
		kind = "a directory"
	case fs.ModeSymlink:
		kind = "a symbolic link"
	case fs.ModeNamedPipe:
		kind = "a FIFO"
	}
	return fmt.Errorf("%w: %s is %s: move it away", ErrRefused, gateway.Printable(name), kind)
}

// read returns the content of a regular file, nil for none.
func (d disk) read(name string) ([]byte, error) {
	info, err := d.stat(name)
	if info == nil || err != nil {
		return nil, err
	}
	f, err := d.root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if opened, err := f.Stat(); err != nil || !os.SameFile(info, opened) {
		return nil, fmt.Errorf("%w: %s was exchanged while it was opened", ErrRefused, gateway.Printable(name))
	}
	data := bytes.NewBuffer(make([]byte, 0, min(info.Size(), FilesBytesMax)+bytes.MinRead))
	_, err = data.ReadFrom(io.LimitReader(f, FilesBytesMax+1))
	if data.Len() > FilesBytesMax {
		err = fmt.Errorf("%w: %s has more than %d octets", ErrRefused, gateway.Printable(name), FilesBytesMax)
	}
	return data.Bytes(), err
}
