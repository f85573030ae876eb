package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// listenUnix listens on a socket file with a mode and a group. A socket that a
// process which is gone left behind is replaced; anything else in its place is
// an error.
func listenUnix(path string, mode fs.FileMode, group string) (net.Listener, error) {
	if err := removeStale(path); err != nil {
		return nil, err
	}
	listener, err := bind(path)
	if err != nil {
		return nil, err
	}
	if err := openTo(path, mode, group); err != nil {
		listener.Close()
		return nil, err
	}
	return listener, nil
}

// bind makes a socket file that, on Linux, nobody else can open before openTo says
// who may, whatever the umask: who has connected stays connected.
func bind(path string) (net.Listener, error) {
	closed := func(_, _ string, c syscall.RawConn) error {
		return c.Control(func(fd uintptr) {
			_ = syscall.Fchmod(int(fd), 0) // the file gets this mode; others than Linux refuse that
		})
	}
	config := net.ListenConfig{Control: closed}
	return config.Listen(context.Background(), "unix", path)
}

func removeStale(path string) error {
	there, err := isSocket(path)
	if !there || err != nil {
		return err
	}
	if conn, err := net.Dial("unix", path); err == nil {
		conn.Close()
		return fmt.Errorf("%s is in use by another process", path)
	}
	return os.Remove(path)
}

// socketPathBytesMax is what the kernel has room for, in front of a NUL.
const socketPathBytesMax = len(syscall.RawSockaddrUnix{}.Path) - 1

// isSocket says whether a socket file is there. It fails where none can be.
func isSocket(path string) (there bool, err error) {
	if len(path) > socketPathBytesMax {
		return false, fmt.Errorf("%s has %d octets, more than the %d that the path of a socket can have", path, len(path), socketPathBytesMax)
	}
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, err
	case info.Mode().Type() != fs.ModeSocket:
		return false, fmt.Errorf("%s is in the way: it is not a socket", path)
	}
	return true, nil
}

// openTo lets a group connect to a socket. Whoever may write in its directory, as the
// MTA's user may in the MTA's, can exchange it for a link: that changes no file elsewhere.
func openTo(path string, mode fs.FileMode, group string) error {
	dir, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer dir.Close()
	name := filepath.Base(path)
	if group != "" {
		g, err := user.LookupGroup(group)
		if err != nil {
			return err
		}
		gid, err := strconv.Atoi(g.Gid)
		if err != nil {
			return fmt.Errorf("group %s: %w", group, err)
		}
		if err := dir.Lchown(name, -1, gid); err != nil {
			return fmt.Errorf("%w: the gateway's user must be in the group %s", err, group)
		}
	}
	return dir.Chmod(name, mode)
}
