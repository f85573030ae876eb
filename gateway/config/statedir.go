package config

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"path/filepath"
)

// headBytesMax bounds the part of a file before its first table: a few keys.
const headBytesMax = 64 << 10

// StateDir reads only state_dir from the configuration file at path, so that a
// command that talks to the running gateway waits neither for thousands of lists nor
// for their members. If ok is false something before the first table is wrong, and
// Load says what.
func StateDir(path string, opts Options) (dir string, ok bool) {
	f, err := opts.open(path)
	if err != nil {
		return "", false
	}
	defer f.Close()
	head, err := readHead(f)
	if err != nil {
		return "", false
	}
	d := &document{file: path, opts: opts, home: homeOf, findings: findings{order: []string{path}}}
	if d.dir, err = filepath.Abs(filepath.Dir(path)); err != nil {
		return "", false
	}
	root, faults := parseTree(head)
	if len(faults) > 0 {
		return "", false
	}
	d.root = root
	var c Config
	top := d.top()
	c.keys(top)
	top.finish()
	if c.StateDir == "" {
		c.StateDir = d.stateDir()
	}
	return c.StateDir, d.findings.err() == nil
}

// readHead reads the lines before the first that begins a table.
func readHead(r io.Reader) (head []byte, err error) {
	lines := bufio.NewReader(r)
	for len(head) <= headBytesMax {
		line, err := lines.ReadSlice('\n')
		if bytes.HasPrefix(bytes.TrimSpace(line), []byte("[")) {
			return head, nil
		}
		head = append(head, line...)
		if err == io.EOF {
			return head, nil
		}
		if err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("there is no table within %d octets", headBytesMax)
}
