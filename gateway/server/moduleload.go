package server

import (
	"context"
	"fmt"
	"log/slog"
	"reflect"
	"strings"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/config"
	"github.com/mmgw/mmgw/gateway/modules"
	"github.com/mmgw/mmgw/gateway/sandbox"
)

// loader loads the modules of one configuration.
type loader struct {
	host  *sandbox.Host
	cfg   *config.Config
	shelf *modules.Shelf
	log   *slog.Logger
	old   *moduleSet // what is the same as there is not loaded again; nil: all is

	rolledBack func(name string, from, to *modules.Version) // is told of what rolled back by itself; nil: nobody does
	doubtful   func(config.Problem)                         // is told of what may be misspelt; nil: the log does

	found map[string]*loadedModule
}

// loadedModule is a version that is to answer to a name.
type loadedModule struct {
	version *modules.Version
	before  *modules.Version // nil: the version is not on trial
	fresh   bool             // it was loaded here, and is closed where it is not needed
	swapped bool
}

// load loads every module that the configuration uses. All that is wrong is
// found in one run, as config.Problems; the modules that do load are closed
// then.
func (l *loader) load(ctx context.Context) error {
	var problems config.Problems
	for _, u := range usesOf(l.cfg) {
		if err := l.loadUse(ctx, u); err != nil {
			problems = append(problems, config.Problem{
				File: l.cfg.File, Line: l.cfg.Lines[u.name],
				Text: gateway.Printable(aboutPlugin(u.name, err).Error()),
			})
		}
	}
	if len(problems) > 0 {
		l.abandon()
		return problems
	}
	return nil
}

// aboutPlugin has an error name its plugin, once: some name it themselves.
func aboutPlugin(name string, err error) error {
	about := "plugin " + name + ": "
	if strings.HasPrefix(err.Error(), about) {
		return err
	}
	return fmt.Errorf("%s%w", about, err)
}

// abandon closes what was loaded.
func (l *loader) abandon() {
	for _, m := range l.found {
		if m.fresh {
			m.version.Plugin.Close()
		}
		if m.before != nil {
			m.before.Plugin.Close()
		}
	}
}

func (l *loader) loadUse(ctx context.Context, u use) error {
	m := l.found[u.name]
	if m == nil {
		var err error
		if m, err = l.loadName(ctx, u.name); err != nil {
			return err
		}
		if l.found == nil {
			l.found = map[string]*loadedModule{}
		}
		l.found[u.name] = m
	}
	return u.check(m.version.Plugin)
}

func (l *loader) loadName(ctx context.Context, name string) (*loadedModule, error) {
	f, err := find(l.cfg, l.shelf, name)
	if err != nil {
		return nil, err
	}
	if f.record.Swapped {
		l.log.Info("what was swapped in or rolled back to is at work, not what the configuration names", "handler", name,
			"digest", f.record.Kept[0], "back", "mmgw plugin swap "+name+" --reset")
	}
	if v := l.unchanged(name, f.wasm); v != nil {
		return &loadedModule{version: v, swapped: f.record.Swapped}, nil
	}
	v, err := l.loadVersion(ctx, name, f.wasm, f.source)
	if err != nil {
		return nil, err
	}
	m := &loadedModule{version: v, fresh: true, swapped: f.record.Swapped}
	known := l.old != nil && l.old.modules[name] != nil
	if !known && !isPinned(l.cfg, name) && f.record.OnTrial && f.record.Kept[0] == modules.Digest(f.wasm) {
		m.before = l.loadBefore(ctx, name, f.record.Before(f.record.Kept[0]))
	}
	return m, nil
}

// loadBefore loads the version that stands by. Without it the present one works
// as well, and cannot be rolled back by itself.
func (l *loader) loadBefore(ctx context.Context, name, digest string) *modules.Version {
	wasm, err := l.shelf.Module(name, digest)
	var v *modules.Version
	if err == nil {
		v, err = l.loadVersion(ctx, name, wasm, l.shelf.Path(name, digest))
	}
	if err != nil {
		l.log.Warn("the version before cannot stand by", "handler", name, "error", err)
	}
	return v
}

// unchanged is the version of old where file and settings are the same.
func (l *loader) unchanged(name string, wasm []byte) *modules.Version {
	if l.old == nil || l.old.modules[name] == nil {
		return nil
	}
	v := l.old.modules[name].Present()
	was, is := l.old.cfg.Plugin(name), l.cfg.Plugin(name)
	same := v.Plugin.Digest() == modules.Digest(wasm) && was.OnError == is.OnError && was.Breaker == is.Breaker &&
		reflect.DeepEqual(specOf(l.old.cfg, name, nil), specOf(l.cfg, name, nil))
	if !same {
		return nil
	}
	return v
}

// loadVersion loads a module as the configuration wants a plugin of that name.
func (l *loader) loadVersion(ctx context.Context, name string, wasm []byte, source string) (*modules.Version, error) {
	spec := specOf(l.cfg, name, wasm)
	spec.Missed = missed(l.cfg, name, l.doubts())
	p, err := l.host.Load(ctx, spec)
	if err != nil {
		return nil, err
	}
	settings := l.cfg.Plugin(name)
	return &modules.Version{
		Plugin: p, Wasm: wasm, Source: source, Accepts: settings.OnError == "accept",
		Limits: modules.Limits{Failures: settings.Breaker.Failures, Window: settings.Breaker.Window},
	}, nil
}

// doubts is who is told of what may be misspelt.
func (l *loader) doubts() func(config.Problem) {
	if l.doubtful != nil {
		return l.doubtful
	}
	log := l.log
	return func(p config.Problem) { log.Warn("a setting may be misspelt", "problem", p.Error()) }
}

// missed tells of settings of a plugin that look like those that it asks for in
// vain.
func missed(cfg *config.Config, name string, doubtful func(config.Problem)) func(string, []string) {
	return func(asked string, unread []string) {
		if p, likely := cfg.Misspelt(name, asked, unread); likely {
			doubtful(p)
		}
	}
}

// loadModules loads the modules of a gateway that does not run yet.
func loadModules(ctx context.Context, l loader) (*moduleSet, error) {
	if err := l.load(ctx); err != nil {
		return nil, err
	}
	return l.set(), nil
}

// loadWriter loads the writer of MTA configurations alone. The caller closes
// it.
func loadWriter(ctx context.Context, host *sandbox.Host, cfg *config.Config) (*sandbox.Plugin, error) {
	l := loader{host: host, cfg: cfg, shelf: shelfOf(cfg), log: slog.New(slog.DiscardHandler)}
	if err := l.loadUse(ctx, writerUse(cfg)); err != nil {
		l.abandon()
		return nil, err
	}
	m := l.found[cfg.MTA.Incoming]
	if m.before != nil {
		m.before.Plugin.Close()
	}
	return m.version.Plugin, nil
}
