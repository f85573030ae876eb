package server

import (
	"os"
	"path/filepath"
	"syscall"
)

// AsOwner has root go on with the rights of the user that a state directory
// belongs to, until back: what a command of root's leaves there is what the
// gateway of that user can open. Others are who they are.
func AsOwner(stateDir string) (back func()) {
	info, err := os.Stat(filepath.Join(stateDir, "db"))
	if err != nil || os.Geteuid() != 0 {
		return func() {}
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok || owner.Uid == 0 {
		return func() {}
	}
	group := os.Getegid()
	// What fails leaves root with its rights, as without this.
	_ = syscall.Setegid(int(owner.Gid))
	_ = syscall.Seteuid(int(owner.Uid))
	return func() {
		_ = syscall.Seteuid(0)
		_ = syscall.Setegid(group)
	}
}
