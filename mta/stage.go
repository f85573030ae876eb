package mta

import (
	"context"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
)

// stageFiles writes what is to be written and compiles it. noPostmap is
// ErrNoPostmap or nil; err ends the Apply.
func (s *session) stageFiles(ctx context.Context) (noPostmap, err error) {
	if len(s.write) == 0 {
		return nil, nil
	}
	if err := s.mkdir(stagingName, owner{s.owner.uid, s.owner.gid, 0o700}); err != nil {
		return nil, err
	}
	for i, f := range s.write {
		staged := path.Join(stagingName, strconv.Itoa(i)+"-"+path.Base(f.Path))
		o, err := s.ownerFor(f.Path, f.Mode)
		if err == nil {
			err = s.create(staged, f.Data, o)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.Path, err)
		}
		s.moves = append(s.moves, move{staged, f.Path})
		s.report.Written = append(s.report.Written, f.Path)
		if s.compile[f.Path] && noPostmap == nil {
			noPostmap, err = s.compileStaged(ctx, staged, f.Path)
		}
		if err != nil {
			return nil, err
		}
	}
	return noPostmap, s.sync(stagedNames(s.moves)...)
}

func stagedNames(moves []move) []string {
	names := make([]string, len(moves))
	for i, m := range moves {
		names[i] = m.staged
	}
	return names
}

// ownerFor is the owner and mode of the file that stands at p, or of a new one.
func (s *session) ownerFor(p string, mode uint32) (owner, error) {
	info, err := s.stat(p)
	if info == nil || err != nil {
		return owner{s.owner.uid, s.owner.gid, fs.FileMode(mode)}, err
	}
	return ownerOf(info), nil
}

const noPostmapFix = "set postmap_command in [mta.configuration], or a transport_file_type that needs none"

// compileStaged runs postmap on a staged file. A postmap that makes no table,
// as one for a type that needs none, is not an error.
func (s *session) compileStaged(ctx context.Context, staged, target string) (noPostmap, err error) {
	if len(s.options.Postmap) == 0 {
		return fmt.Errorf("%w: %s", ErrNoPostmap, noPostmapFix), nil
	}
	if err := s.before("postmap", staged); err != nil {
		return nil, err
	}
	argv := slices.Concat(s.options.Postmap,
		[]string{s.options.FileType + ":" + filepath.Join(s.root.Name(), filepath.FromSlash(staged))})
	output, err := run(ctx, s.options.Timeout, argv...)
	switch {
	case isMissing(err):
		return fmt.Errorf("%w: %w; %s", ErrNoPostmap, err, noPostmapFix), nil
	case err != nil:
		return nil, fmt.Errorf("%w: %s: %w", ErrPostmap, target, err)
	}
	s.report.Output = joinOutput(s.report.Output, output)
	return nil, s.takeTable(staged, target)
}

// takeTable makes what postmap wrote beside staged a file of ours.
func (s *session) takeTable(staged, target string) error {
	end := ending(s.options.FileType)
	table, err := s.read(staged + end)
	if table == nil || err != nil {
		return err
	}
	s.next.sums[target+end] = sumOf(table)
	s.moves = append(s.moves, move{staged + end, target + end})
	s.report.Written = append(s.report.Written, target+end)
	s.report.Compiled = append(s.report.Compiled, target+end)
	return nil
}

func joinOutput(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + outputLineSeparator + b
}
