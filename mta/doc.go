// Package mta is where mmgw meets the MTA in front of it: it tells a writer of
// MTA configurations what there is (Inventory), asks it for files (Render) and
// installs them (Tree).
//
// A Tree is one directory of the disk. Nothing outside it is ever written, and
// in it nothing but what a manifest names as written by mmgw: a file of someone
// else, a symbolic link or a FIFO in the way is refused. At every moment, after
// a crash or a power cut too, each file is whole, as it was or as it is to be.
// The generation before is kept for Undo.
//
// Errors tell by errors.Is which step failed: ErrRender, ErrRefused, ErrPostmap,
// ErrNoPostmap, ErrReload, ErrBusy, ErrNoGeneration; any other error is the
// disk's. Until ErrReload or ErrNoPostmap nothing was replaced, except for an
// error of the disk, which the next Apply makes up for.
package mta

import "errors"

// The steps of an installation that can fail.
var (
	// ErrRender says that the writer failed, or gave files that cannot be installed.
	ErrRender = errors.New("the MTA configuration could not be rendered")

	// ErrRefused says that something in the directory is not ours to replace.
	ErrRefused = errors.New("refused")

	// ErrPostmap says that postmap failed. Nothing was replaced.
	ErrPostmap = errors.New("postmap failed, nothing was replaced")

	// ErrNoPostmap says that there is no postmap to run. The files are
	// installed; tables that it would have compiled stay as they were.
	ErrNoPostmap = errors.New("there is no postmap, so the tables are not compiled")

	// ErrReload says that the reload command failed. The files are installed,
	// and the next Apply runs it again.
	ErrReload = errors.New("the files are installed, but the reload command failed")

	// ErrBusy says that another process is installing files in the directory.
	ErrBusy = errors.New("another process is installing files")

	// ErrNoGeneration says that there is nothing that Undo could return to.
	ErrNoGeneration = errors.New("there is no generation before this one")
)
