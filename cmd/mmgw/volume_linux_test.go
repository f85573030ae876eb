package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"unsafe"
)

// volume is a file system of its own in place of a state directory.
type volume struct {
	t       testing.TB
	dir     string
	mount   []string // arguments of mount(8)
	mounted bool
}

// The file systems that lose power here.
var (
	ext4 = []string{"mkfs.ext4", "-q", "-F"}
	xfs  = []string{"mkfs.xfs", "-q", "-f"}
)

// needsVolume skips a test where a machine has no file systems to give away.
const needsVolume = "no loop device or not root"

// newImage puts a file system, which mkfs makes, in a file under the state
// directory of s.
func newImage(s *site, size int64, mkfs ...string) *volume {
	s.t.Helper()
	image := filepath.Join(s.dir, "image")
	file, err := os.Create(image)
	if err != nil {
		s.t.Fatal(err)
	}
	if err := file.Truncate(size); err != nil {
		s.t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		s.t.Fatal(err)
	}
	if out, err := exec.Command(mkfs[0], append(mkfs[1:], image)...).CombinedOutput(); err != nil {
		s.t.Skipf("%s: %s: %v %s", needsVolume, mkfs[0], err, out)
	}
	return newVolume(s, "-o", "loop", image)
}

func newVolume(s *site, mount ...string) *volume {
	s.t.Helper()
	v := &volume{t: s.t, dir: s.state(), mount: append(mount, s.state())}
	if err := os.Mkdir(v.dir, 0o711); err != nil {
		s.t.Fatal(err)
	}
	if out, err := exec.Command("mount", v.mount...).CombinedOutput(); err != nil {
		s.t.Skipf("%s: mount: %v %s", needsVolume, err, out)
	}
	v.mounted = true
	s.t.Cleanup(v.leave)
	return v
}

func (v *volume) leave() {
	if !v.mounted {
		return
	}
	v.mounted = false
	if out, err := exec.Command("umount", v.dir).CombinedOutput(); err != nil {
		v.t.Errorf("umount: %v %s", err, out)
	}
}

// recover mounts the volume again: its journal is all that there is.
func (v *volume) recover() {
	v.t.Helper()
	v.leave()
	if out, err := exec.Command("mount", v.mount...).CombinedOutput(); err != nil {
		v.t.Fatalf("mount: %v %s", err, out)
	}
	v.mounted = true
}

// The request by which ext4 and XFS stop at once, as include/uapi/linux/ext4.h
// has it. With the flag not even the journal is written: what was not synced
// is gone.
const (
	ext4Shutdown           = 0x8004587d
	ext4ShutdownNoLogFlush = uint32(2)
)

// cut takes the power from the volume. All further writes fail.
func (v *volume) cut() {
	v.t.Helper()
	dir, err := os.Open(v.dir)
	if err != nil {
		v.t.Fatal(err)
	}
	defer dir.Close()
	flag := ext4ShutdownNoLogFlush
	if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, dir.Fd(), ext4Shutdown, uintptr(unsafe.Pointer(&flag))); errno != 0 {
		v.t.Fatalf("shut the file system down: %v", errno)
	}
}
