package mta

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/sdk/wire"
)

// Limits of what a writer may render. They leave room for 100,000 lists and
// keep a writer that runs wild from filling the disk.
const (
	FilesMax         = 250_000
	FilesBytesMax    = 256 << 20
	pathElementsMax  = 8
	elementBytesMax  = 200 // a file name has 255; ours and postmap's endings come on top
	fileModeBits     = 0o755
	fileModeRequired = 0o400
)

// reserved begins the names that a Tree keeps its own records under.
const reserved = ".mmgw-"

// Render asks w for the files of inventory, once, and returns them sorted by
// path. Files that a Tree would not install are an error: paths that are not
// relative and clean, that hold control characters or begin with ".mmgw-",
// duplicates, modes that let others write, and what exceeds FilesMax and
// FilesBytesMax. All errors are ErrRender.
func Render(ctx context.Context, w gateway.ConfigWriter, inventory gateway.Inventory) ([]gateway.File, error) {
	files, err := w.Render(ctx, inventory)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRender, err)
	}
	return checkFiles(files)
}

// RenderTwice is Render, done twice: a writer whose second answer is another
// than its first is ErrRender, because every run would then replace files and
// reload the MTA.
func RenderTwice(ctx context.Context, w gateway.ConfigWriter, inventory gateway.Inventory) ([]gateway.File, error) {
	first, err := Render(ctx, w, inventory)
	if err != nil {
		return nil, err
	}
	second, err := Render(ctx, w, inventory)
	if err != nil {
		return nil, err
	}
	if !slices.EqualFunc(first, second, sameFile) {
		return nil, fmt.Errorf("%w: the writer gave other files when asked again (%s)", ErrRender, firstDifference(first, second))
	}
	return first, nil
}

func sameFile(a, b gateway.File) bool {
	return a.Path == b.Path && a.Mode == b.Mode && bytes.Equal(a.Data, b.Data)
}

func firstDifference(a, b []gateway.File) string {
	for i := range min(len(a), len(b)) {
		if !sameFile(a[i], b[i]) {
			return a[i].Path
		}
	}
	return fmt.Sprintf("%d files, then %d", len(a), len(b))
}

// ByHand parts files into what a writer tells the administrator to do once, ""
// for nothing, and those that a Tree installs.
func ByHand(files []gateway.File) (text string, others []gateway.File) {
	for _, f := range files {
		if f.Path == wire.ByHandFile {
			text = string(f.Data)
		} else {
			others = append(others, f)
		}
	}
	return text, others
}

// installed are those of files that a Tree has, sorted, or what is wrong with
// the first bad one.
func installed(files []gateway.File) ([]gateway.File, error) {
	files, err := checkFiles(files)
	_, files = ByHand(files)
	return files, err
}

// checkFiles returns files sorted by path, or what is wrong with the first bad one.
func checkFiles(files []gateway.File) ([]gateway.File, error) {
	if len(files) > FilesMax {
		return nil, fmt.Errorf("%w: %d files, %d are allowed", ErrRender, len(files), FilesMax)
	}
	sorted := slices.Clone(files)
	slices.SortFunc(sorted, func(a, b gateway.File) int { return cmp.Compare(a.Path, b.Path) })
	size, seen := 0, make(map[string]bool, len(files))
	for _, f := range sorted {
		size += len(f.Data)
		err := checkFile(f)
		if err == nil {
			err = checkPlace(f.Path, seen)
		}
		if err == nil && size > FilesBytesMax {
			err = fmt.Errorf("the files have more than %d octets", FilesBytesMax)
		}
		if err != nil {
			return nil, fmt.Errorf("%w: file %s: %w", ErrRender, gateway.Printable(f.Path), err)
		}
	}
	return sorted, nil
}

func checkFile(f gateway.File) error {
	if f.Mode&^fileModeBits != 0 || f.Mode&fileModeRequired == 0 {
		return fmt.Errorf("mode %#o: only the owner may write it, and must be able to read it", f.Mode)
	}
	return checkPath(f.Path)
}

// checkPlace says whether a path can stand among those seen: it is no other
// file, and no folder of one. Paths come in ascending order.
func checkPlace(p string, seen map[string]bool) error {
	if seen[p] {
		return errors.New("it comes twice")
	}
	for dir := path.Dir(p); dir != "."; dir = path.Dir(dir) {
		if seen[dir] {
			return fmt.Errorf("%s is a file", dir)
		}
	}
	seen[p] = true
	return nil
}

func checkPath(p string) error {
	switch {
	case !fs.ValidPath(p) || p == ".":
		return errors.New("the path is not relative and clean")
	case strings.Contains(p, `\`) || strings.ContainsFunc(p, isControl):
		return errors.New("the path has a control character or a backslash")
	case strings.Count(p, "/") >= pathElementsMax:
		return fmt.Errorf("the path has more than %d elements", pathElementsMax)
	}
	for element := range strings.SplitSeq(p, "/") {
		switch {
		case len(element) > elementBytesMax:
			return fmt.Errorf("a name in the path is longer than %d octets", elementBytesMax)
		case strings.HasPrefix(element, reserved):
			return fmt.Errorf("names that begin with %s are kept for mmgw", reserved)
		}
	}
	return nil
}

func isControl(r rune) bool { return r < ' ' || r >= 0x7f && r < 0xa0 }
