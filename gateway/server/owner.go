package server

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// AsOwner has root go on with the rights of the user that a state directory
// belongs to, until back: what a command of root's leaves there is what the
// gateway of that user can open. Others are who they are.
func AsOwner(stateDir string) (back func()) {
	owner := otherOwner(stateDir)
	if owner == nil {
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

// refuseRoot keeps a gateway that root starts by mistake from writing files that the
// user of the state directory could not open afterwards.
func refuseRoot(stateDir string) error {
	owner := otherOwner(stateDir)
	if owner == nil {
		return nil
	}
	name := strconv.Itoa(int(owner.Uid))
	if u, err := user.LookupId(name); err == nil {
		name = u.Username
	}
	return fmt.Errorf("%s belongs to the user %s, who could not open what root writes there: run the gateway as %s, or `chown -R root %s` if root is to run it", stateDir, name, name, stateDir)
}

// otherOwner is the user that a state directory belongs to, if that is not root and
// this process is root's; nil otherwise.
func otherOwner(stateDir string) *syscall.Stat_t {
	info, err := os.Stat(filepath.Join(stateDir, "db"))
	if err != nil || os.Geteuid() != 0 {
		return nil
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok || owner.Uid == 0 {
		return nil
	}
	return owner
}
