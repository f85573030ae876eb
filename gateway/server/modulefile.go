package server

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/mmgw/mmgw/gateway/config"
	"github.com/mmgw/mmgw/gateway/modules"
	"github.com/mmgw/mmgw/gateway/sandbox"
	"github.com/mmgw/mmgw/plugins"
)

// moduleBytesMax bounds a module file: more is not read.
const moduleBytesMax = 32 << 20

// The least budget of a writer of MTA configurations: it works for all lists
// in one call, outside the way of mail; 100,000 lists take 1.3 G units.
const (
	writerFuelMin    = 10_000_000_000
	writerTimeoutMin = time.Minute
)

// shelfOf is where the modules of `plugin swap` are kept.
func shelfOf(cfg *config.Config) *modules.Shelf {
	return &modules.Shelf{Dir: filepath.Join(cfg.StateDir, "plugins")}
}

// moduleFile is the module that is to answer to a name.
type moduleFile struct {
	wasm   []byte
	source string // "built-in", or its file
	record modules.Record
}

// FindModule reads the module that answers to a name, as serve would load it, and
// says where it is from: "built-in", or its file.
func FindModule(cfg *config.Config, name string) (wasm []byte, source string, err error) {
	f, err := find(cfg, shelfOf(cfg), name)
	return f.wasm, f.source, err
}

// find reads a module: the one that was swapped in, else what the configuration
// names.
func find(cfg *config.Config, shelf *modules.Shelf, name string) (f moduleFile, err error) {
	if f.record, err = shelf.Record(name); err != nil {
		return f, err
	}
	if !f.record.Swapped {
		f.wasm, f.source, err = findNamed(cfg, name)
		return f, err
	}
	digest := f.record.Kept[0]
	f.source = shelf.Path(name, digest)
	if f.wasm, err = shelf.Module(name, digest); err == nil {
		err = checkPin(cfg, name, f.source, f.wasm)
	}
	if err != nil {
		err = fmt.Errorf("%w; `mmgw plugin swap %s --reset` goes back to what the configuration names", err, name)
	}
	return f, err
}

// findNamed reads what the configuration names: plugins.NAME.path, else the
// built-in, else plugin_dir/NAME.wasm.
func findNamed(cfg *config.Config, name string) (wasm []byte, source string, err error) {
	settings := cfg.Plugin(name)
	builtin, known := plugins.Lookup(name)
	switch {
	case settings.Path != "":
		source = settings.Path
	case known:
		wasm, source = builtin, "built-in"
	default:
		source = filepath.Join(cfg.PluginDir, name+".wasm")
	}
	if wasm == nil {
		if wasm, err = readModule(source); err != nil {
			return nil, "", err
		}
	}
	return wasm, source, checkPin(cfg, name, source, wasm)
}

// checkPin compares a module with plugins.NAME.sha256.
func checkPin(cfg *config.Config, name, source string, wasm []byte) error {
	pin := cfg.Plugin(name).SHA256
	if got := modules.Digest(wasm); pin != "" && pin != got {
		return fmt.Errorf("%s has the SHA-256 %s, and plugins.%s.sha256 asks for another: set it to that if this is the module that you mean", source, got, name)
	}
	return nil
}

// isPinned says whether plugins.NAME.sha256 names the one module that may be at
// work. No version before it stands by: who makes it fail would undo the pin.
func isPinned(cfg *config.Config, name string) bool { return cfg.Plugin(name).SHA256 != "" }

func readModule(path string) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, &fs.PathError{Op: "read", Path: path, Err: errors.New("is not a file")}
	case info.Size() > moduleBytesMax:
		return nil, fmt.Errorf("%s is larger than %d MiB", path, moduleBytesMax>>20)
	}
	return os.ReadFile(path)
}

func specOf(cfg *config.Config, name string, wasm []byte) sandbox.Spec {
	settings := cfg.Plugin(name)
	spec := sandbox.Spec{
		Name: name, Wasm: wasm, Filter: settings.Kind == config.KindFilter, Config: settings.Config,
		Capabilities: settings.Capabilities, OptionalCapabilities: settings.OptionalCapabilities,
		Isolation: sandbox.Isolation(settings.Isolation), Mode: sandbox.Mode(settings.Mode),
		MemoryBytes: settings.Memory, Fuel: settings.Fuel, Timeout: settings.Timeout, Instances: settings.Instances,
	}
	if name == cfg.MTA.Incoming {
		spec.Fuel, spec.Timeout = max(spec.Fuel, writerFuelMin), max(spec.Timeout, writerTimeoutMin)
	}
	if !settings.CapabilitiesGiven && settings.Path == "" {
		spec.Capabilities = slices.Concat(spec.Capabilities, plugins.Capabilities(name))
	}
	return spec
}
