package conformance

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/sandbox"
	"github.com/mmgw/mmgw/sdk/wire"
)

const (
	caseEnding   = ".txtar"
	moduleEnding = ".wasm"
)

// Limits of what Find reads.
const (
	moduleBytesMax = 32 << 20 // of a module; those of language runtimes have some MiB
	caseBytesMax   = 16 << 20
)

// Module is a module and the cases that it is tried with.
type Module struct {
	Name         string
	Wasm         []byte
	Cases        []*Case
	Capabilities []string // that it has without being granted them, as built-in plugins do
}

// Finding is what a module did that it should not.
type Finding struct {
	Case  string // that it was found in, "" for the module as a whole
	Trial string // what was tried beside the case, or ""
	Text  string // what came of it, some lines
}

// Report is what came of all trials of a module.
type Report struct {
	Cases    int
	Trials   int   // beside the cases
	FuelMax  int64 // of a call in the cases
	Findings []Finding
}

// Find reads the modules of a folder: DIR/*.wasm, else those of the folders in
// it. The cases of a module lie beside it or in testdata, as *.txtar. Several
// modules in one folder share its cases.
func Find(dir string) ([]Module, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*"+moduleEnding))
	if err == nil && len(paths) == 0 {
		paths, err = filepath.Glob(filepath.Join(dir, "*", "*"+moduleEnding))
	}
	if _, bad := os.Stat(dir); bad != nil {
		err = bad
	}
	if err == nil && len(paths) == 0 {
		err = fmt.Errorf("%s has no module: build NAME.wasm in it, or in a folder of it", dir)
	}
	if err != nil {
		return nil, err
	}
	var modules []Module
	for _, path := range paths {
		m := Module{Name: strings.TrimSuffix(filepath.Base(path), moduleEnding)}
		if m.Wasm, err = read(path, moduleBytesMax); err != nil {
			return nil, err
		}
		if m.Cases, err = FindCases(filepath.Dir(path)); err != nil {
			return nil, err
		}
		modules = append(modules, m)
	}
	return modules, nil
}

// FindCases reads the cases of a folder and of testdata in it.
func FindCases(dir string) (cases []*Case, err error) {
	for _, pattern := range []string{"*" + caseEnding, filepath.Join("testdata", "*"+caseEnding)} {
		paths, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			return nil, err
		}
		for _, path := range paths {
			data, err := read(path, caseBytesMax)
			if err != nil {
				return nil, err
			}
			c, err := parseCase(path, data)
			if err != nil {
				return nil, err
			}
			cases = append(cases, c)
		}
	}
	return cases, nil
}

func read(path string, limit int64) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, err
	case info.Size() > limit:
		return nil, &fs.PathError{Op: "read", Path: path, Err: fmt.Errorf("is larger than %d MiB", limit>>20)}
	}
	return os.ReadFile(path)
}

// Options say how modules are tried.
type Options struct {
	Update bool   // write the results into the cases instead of comparing them
	Cache  string // folder for compiled code that only its owner may write to, or ""
}

// Run tries a module. The error is one of the cases themselves, or of files;
// what the module does wrong is in the report.
func (m *Module) Run(ctx context.Context, options Options) (Report, error) {
	r := run{module: m, options: options, ctx: ctx, tried: map[string]bool{}}
	info, err := sandbox.Inspect(m.Wasm)
	if err != nil {
		r.find(nil, "", err.Error())
		return r.report, nil
	}
	r.info = info
	for _, c := range m.Cases {
		if err := r.one(c); err != nil {
			return r.report, err
		}
	}
	if len(m.Cases) > 0 {
		return r.report, nil
	}
	return r.report, r.unsettled()
}

// run is one module in trial.
type run struct {
	module  *Module
	options Options
	ctx     context.Context
	info    sandbox.Info
	tried   map[string]bool // settings in which there was hostile mail
	report  Report
}

func (r *run) find(c *Case, trial, text string) {
	f := Finding{Trial: trial, Text: text}
	if c != nil {
		f.Case = c.Name()
	}
	r.report.Findings = append(r.report.Findings, f)
}

// one runs a case, and the trials in its circumstances where its call did not
// fail.
func (r *run) one(c *Case) error {
	r.report.Cases++
	w, err := c.open(r.ctx, r.module, r.options.Cache)
	if failed, ok := errors.AsType[*loadError](err); ok {
		return r.judge(c, faultOf(failed.error))
	}
	if err != nil {
		return err
	}
	defer w.close(r.ctx)
	in, err := c.input(w.plugin)
	if err != nil {
		return err
	}
	o, err := w.call(r.ctx, in)
	if err != nil {
		r.find(c, "", err.Error())
		return nil
	}
	r.report.FuelMax = max(r.report.FuelMax, o.usage.Fuel)
	if err := r.judge(c, o); err != nil || o.fault != nil {
		return err
	}
	r.refuse(c, w, in)
	settings := c.section("config") + c.section("plugin") + c.section("list")
	if r.tried[settings] {
		return nil
	}
	r.tried[settings] = true
	return r.hostile(c, w, in)
}

// judge compares what came of a case, or writes it down.
func (r *run) judge(c *Case, o outcome) error {
	if r.options.Update {
		return os.WriteFile(c.Path, c.updated(o.files), 0o644)
	}
	if text := c.compare(o.files); text != "" {
		r.find(c, "", text)
	}
	return nil
}

// unsettled tries a module that has no cases: without settings.
func (r *run) unsettled() error {
	kind := "-- mail --\nSubject: hello\n\nhello\n"
	if slices.Contains(r.info.Hooks, "mta_config") {
		kind = "-- mmgw.toml --\n[mta]\nlmtp_port = 8024\n"
	}
	c, err := parseCase("without settings", []byte(kind))
	if err != nil {
		return err
	}
	w, err := c.open(r.ctx, r.module, r.options.Cache)
	if err != nil {
		r.find(nil, c.Path, err.Error())
		return nil
	}
	defer w.close(r.ctx)
	in, err := c.input(w.plugin)
	if err != nil {
		r.find(nil, c.Path, err.Error())
		return nil
	}
	r.try(c, w, c.Path, in)
	r.refuse(c, w, in)
	return r.hostile(c, w, in)
}

// refuse has the call of the case again, once for each refusal of each function
// that the module imports.
func (r *run) refuse(c *Case, w *world, in input) {
	for _, name := range r.info.Imports {
		function, ours := strings.CutPrefix(name, wire.Module+".")
		if !ours {
			continue
		}
		for _, result := range refusals[function] {
			refusal := refusal{function, result}
			w.set(refusal)
			r.try(c, w, refusal.String(), in)
		}
	}
	w.set(refusal{})
}

// hostile has calls with what nobody expects, in the settings of the case.
func (r *run) hostile(c *Case, w *world, in input) error {
	if in.exchange == nil {
		texts := hostileLists()
		for _, name := range slices.Sorted(maps.Keys(texts)) {
			lists := *c
			lists.archive = parsed("-- mmgw.toml --\n" + texts[name])
			inventory, err := lists.inventory()
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			r.try(c, w, name, input{inventory: inventory})
		}
		return nil
	}
	mails, sessions := hostileMail(), hostileSessions()
	for _, name := range slices.Sorted(maps.Keys(mails)) {
		content := gateway.Bytes(strings.ReplaceAll(mails[name], "\n", "\r\n"))
		if err := r.tryMail(c, w, name, in.phase, newSession(), content, in.exchange.List); err != nil {
			return err
		}
	}
	content, _ := in.exchange.Message.Content.(gateway.Bytes)
	for _, name := range slices.Sorted(maps.Keys(sessions)) {
		if err := r.tryMail(c, w, name, in.phase, sessions[name], content, in.exchange.List); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) tryMail(c *Case, w *world, name string, phase gateway.Phase, s *session, content gateway.Bytes, list *gateway.List) error {
	var settings map[string]any
	if list != nil {
		settings = list.Config
	}
	x, err := s.exchange(phase, content, settings)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	r.try(c, w, name, input{phase: phase, exchange: x})
	return nil
}

// try is one trial: the module may rule as it likes and fail in words.
func (r *run) try(c *Case, w *world, name string, in input) {
	r.report.Trials++
	o, err := w.call(r.ctx, in)
	switch {
	case err != nil:
		r.find(c, name, err.Error())
	case o.fault != nil && o.fault.Fault != sandbox.Returned:
		r.find(c, name, cmp.Or(o.fault.Reason, o.fault.Fault.String())+"\n"+o.fault.Trace)
	}
}
