package config

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"path/filepath"
)

// headBytesMax bounds what stands in front of the first table: some keys.
const headBytesMax = 64 << 10

// StateDir reads state_dir alone from the configuration file at path: who looks for
// the gateway that runs waits neither for thousands of lists nor for the files of
// their members. ok is false where what stands in front of the first table is not
// as Load wants it, which then says what is wrong.
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

// readHead reads up to the first line that begins a table.
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
	return nil, errors.New("there is no end of it")
}
