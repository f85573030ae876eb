package config

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/mmgw/mmgw/gateway"
)

// FileBytesMax bounds a configuration file. Hundreds of thousands of members belong
// in files of their own.
const FileBytesMax = 16 << 20

// DefaultPath is the configuration file if no other is named.
const DefaultPath = "/etc/mmgw/mmgw.toml"

// Options is what a configuration depends on besides its file. The zero value
// is the real world of a process that is not root.
type Options struct {
	// Known says whether there is a built-in plugin of that name. nil: the
	// names of plugins are not checked at all.
	Known func(name string) bool

	Root     bool                                     // the process is root: state_dir is the system's
	Hostname func() (string, error)                   // nil: os.Hostname
	Getenv   func(string) string                      // nil: os.Getenv
	Open     func(path string) (io.ReadCloser, error) // opens a regular file; nil: the disk
}

// FindPath is the configuration file to read: the one of the flag, or that of the
// environment (MMGW_CONFIG), or DefaultPath.
func FindPath(flag, env string) string { return cmp.Or(flag, env, DefaultPath) }

// Load reads the configuration file at path. The error is Problems.
func Load(path string, opts Options) (*Config, error) {
	f, err := opts.open(path)
	if err != nil {
		return nil, Problems{{File: path, Text: "cannot be read: " + reason(err), Fix: "give the right file with --config or MMGW_CONFIG, or make one with `mmgw init`"}}
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, FileBytesMax+1))
	if err != nil {
		return nil, Problems{{File: path, Text: "cannot be read: " + reason(err)}}
	}
	return Parse(path, data, opts)
}

// Parse reads a configuration from data, which came from the file name: relative
// paths start at the directory of name. The error is Problems.
func Parse(name string, data []byte, opts Options) (*Config, error) {
	d := &document{file: name, opts: opts, home: homeOf, findings: findings{order: []string{name}}}
	dir, err := filepath.Abs(filepath.Dir(name))
	var c *Config
	switch {
	case err != nil:
		d.problem(0, "its directory cannot be found: "+reason(err), "give an absolute path")
	case len(data) > FileBytesMax:
		d.problem(0, "is larger than "+FormatSize(FileBytesMax), "put members into files of their own, or make lists with `mmgw list create`")
	default:
		d.dir = dir
		c = d.read(data)
	}
	if err := d.findings.err(); err != nil {
		return nil, err
	}
	return c, nil
}

// read makes a configuration of the text of a file. A value that has a problem is
// replaced by its default, so that later checks find what else is wrong.
func (d *document) read(data []byte) *Config {
	root, faults := parseTree(data)
	for _, f := range faults {
		d.problem(f.line, f.text, f.fix)
	}
	if root == nil {
		return nil
	}
	d.root = root
	c := &Config{File: d.file}
	c.sections(d)
	d.top().finish()
	c.complete(d)
	c.check(d)
	return c
}

// complete fills in defaults that depend on the machine or on another key.
func (c *Config) complete(d *document) {
	if c.StateDir == "" {
		c.StateDir = d.stateDir()
	}
	if c.Hostname == "" {
		c.Hostname = d.opts.hostname()
	}
	if c.SiteOwner == "" {
		c.SiteOwner = gateway.ForwardPath("postmaster@" + c.Hostname)
	}
	if c.Auth.AuthservID == "" {
		c.Auth.AuthservID = c.Hostname
	}
	for i := range c.Lists {
		if l := &c.Lists[i]; l.VERPInterval == asVERP {
			l.VERPInterval = c.VERP.DeliveryInterval
		}
	}
}

// stateDir is the default for state_dir: the system's for root, and otherwise the
// user's by the XDG Base Directory Specification.
func (d *document) stateDir() string {
	getenv := d.opts.Getenv
	if getenv == nil {
		getenv = os.Getenv
	}
	xdg, home := getenv("XDG_STATE_HOME"), getenv("HOME")
	switch {
	case d.opts.Root:
		return "/var/lib/mmgw"
	case filepath.IsAbs(xdg):
		return filepath.Join(xdg, "mmgw")
	case filepath.IsAbs(home):
		return filepath.Join(home, ".local", "state", "mmgw")
	}
	d.problem(d.root.lineOf("state_dir"), "state_dir has no default without HOME", `add state_dir = "/a/directory"`)
	return ""
}

// hostname is the machine's name, or "localhost" if that cannot be used in SMTP.
func (o Options) hostname() string {
	ask := o.Hostname
	if ask == nil {
		ask = os.Hostname
	}
	if name, err := ask(); err == nil {
		if name, err = parseDomain(strings.TrimSuffix(name, ".")); err == nil {
			return name
		}
	}
	return "localhost"
}

// open opens a regular file.
func (o Options) open(path string) (io.ReadCloser, error) {
	if o.Open != nil {
		return o.Open(path)
	}
	// A FIFO would block, a device might never end.
	if info, err := os.Stat(path); err != nil {
		return nil, err
	} else if !info.Mode().IsRegular() {
		return nil, errors.New("not a regular file")
	}
	return os.Open(path)
}

// readable returns the error that reading a file would give, or nil.
func (d *document) readable(path string) error {
	f, err := d.open(path)
	if err == nil {
		err = f.Close()
	}
	return err
}

// shown is the path of a file as problems name it: relative to the operator's
// working directory if the configuration file was named so, unless that is longer
// than the absolute path.
func (d *document) shown(path string) string {
	if filepath.IsAbs(d.file) {
		return path
	}
	rel, err := filepath.Rel(d.dir, path)
	if err != nil {
		return path
	}
	if rel = filepath.Join(filepath.Dir(d.file), rel); len(rel) > len(path) {
		return path
	}
	return rel
}

// reason is an error without its path, for a text that names the path itself.
func reason(err error) string {
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		err = path.Err
	}
	return gateway.Printable(fmt.Sprint(err))
}
