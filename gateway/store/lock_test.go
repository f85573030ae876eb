package store

import (
	"errors"
	"io/fs"
	"strings"
	"testing"
)

// Whoever is somebody else, root or not the gateway's user, is told who to be.
func TestLockDenied(t *testing.T) {
	err := lockError("/state/db", &fs.PathError{Op: "open", Path: "/state/db/LOCK", Err: fs.ErrPermission})
	if !errors.Is(err, fs.ErrPermission) || errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), "/state/db: permission denied; run this as the user of the gateway") {
		t.Error(err)
	}
}
