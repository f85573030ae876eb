package config

import (
	"fmt"
	"time"
)

// Plugin is how a module is run, [plugins.NAME].
type Plugin struct {
	Path                 string // absolute; "": the built-in of that name, or plugin_dir/NAME.wasm
	SHA256               string // lower-case hexadecimal digits; "": any file will do
	Kind                 PluginKind
	Capabilities         []string // all that are granted
	CapabilitiesGiven    bool     // Capabilities come from the file; otherwise a built-in may have its own
	OptionalCapabilities []string

	// OnError is what happens to a message whose handler failed: "defer",
	// "reject" or "accept".
	OnError string

	// Isolation is how much of its memory one call leaves to the next: "restore"
	// puts it back, "fresh" starts a new instance, and "pooled" keeps it until it
	// is more than half of Memory.
	Isolation string

	// Mode is what keeps a call within its limits: "fuel" for counters in the
	// module, "deadline" for the runtime.
	Mode string

	Memory    int64         // octets
	Fuel      int64         // units of one call
	Timeout   time.Duration // of one call, waiting for DNS included
	Instances int           // 0: as many as processors, 64 with dns
	Shadow    string        // a plugin that is called for the same mail, without effect; or ""
	Breaker   Breaker
	Config    map[string]any // the module's own settings
	Lines     map[string]int // of the keys of Config
}

// Breaker is when a plugin that keeps failing is no longer called: after Failures
// failures within Window.
type Breaker struct {
	Failures int
	Window   time.Duration
}

// PluginKind is what a module is.
type PluginKind string

// The kinds of plugins.
const (
	KindHandler PluginKind = "handler" // speaks ABI 1
	KindFilter  PluginKind = "filter"  // a WASI program: message in, message out
)

// Bounds of numbers of a plugin, each with its reason.
const (
	memoryBytesMin = 64 << 10 // a page, the least that a WebAssembly memory has
	memoryBytesMax = 1 << 30  // the most that the sandbox grants, so that one instance cannot take the machine
	fuelMax        = 1 << 60  // leaves the meter room to count
	instancesMax   = 10_000   // far more than there are processors: a higher number is a typing error
	failuresMax    = 1_000_000
)

// capabilityNames are those of ABI 1.
var capabilityNames = []string{"headers", "body", "recipients", "relay", "members", "kv", "dns", "metric"}

// keys of [plugins.NAME]. If a plugin fails, mail is deferred by default: nothing is
// lost, and nothing passes unchecked, until someone has looked.
func (p *Plugin) keys(s *section) {
	capabilities := arrayOf(choice(capabilityNames...))
	key(s, "path", &p.Path, "", s.path())
	key(s, "sha256", &p.SHA256, "", orEmpty(digest))
	key(s, "kind", &p.Kind, KindHandler, choice(KindHandler, KindFilter))
	key(s, "on_error", &p.OnError, "defer", choice("defer", "reject", "accept"))
	if s.reading() || p.CapabilitiesGiven { // a built-in has its own unless the file says so
		key(s, "capabilities", &p.Capabilities, []string{"headers", "body"}, capabilities)
	}
	key(s, "optional_capabilities", &p.OptionalCapabilities, nil, capabilities)
	key(s, "isolation", &p.Isolation, "restore", choice("restore", "pooled", "fresh"))
	key(s, "mode", &p.Mode, "fuel", choice("fuel", "deadline"))
	key(s, "memory", &p.Memory, 16<<20, size(memoryBytesMin, memoryBytesMax))
	// A tenth to a half of a second of computing.
	key(s, "fuel", &p.Fuel, 1_000_000_000, number[int64](1, fuelMax))
	key(s, "timeout", &p.Timeout, 5*time.Second, someTime)
	key(s, "instances", &p.Instances, 0, number(0, instancesMax))
	key(s, "shadow", &p.Shadow, "", orEmpty(s.plugin()))
	inline(s, "breaker", &p.Breaker, (*Breaker).keys)
	key(s, "config", &p.Config, map[string]any{}, free)
	if s.reading() {
		p.CapabilitiesGiven = s.given("capabilities")
		p.Lines = s.linesOf("config")
		p.checkPath(s)
	}
}

// linesOf are the lines of the keys of a table that is the value of a key.
func (s *section) linesOf(key string) map[string]int {
	if !s.given(key) {
		return nil
	}
	t, _ := s.in.keys[key].value.(*table)
	if t == nil {
		return nil
	}
	lines := make(map[string]int, len(t.keys))
	for name, n := range t.keys {
		lines[name] = n.line
	}
	return lines
}

// Misspelt returns the problem of a plugin that asked for a setting which is not
// set, if one of the settings that it never asked for has a similar name. Only the
// module knows its settings, so the problem is likely, not certain.
func (c *Config) Misspelt(plugin, asked string, unread []string) (p Problem, likely bool) {
	given := nearest(asked, unread)
	if given == "" {
		return p, false
	}
	return Problem{
		File: c.File, Line: c.Plugin(plugin).Lines[given],
		Text: fmt.Sprintf("[plugins.%s.config] has %s, which the module has not asked for, but not %s, which it has", plugin, quote(given), quote(asked)),
		Fix:  fmt.Sprintf("did you mean %s?", quote(asked)),
	}, true
}

// keys of breaker.
func (b *Breaker) keys(s *section) {
	key(s, "failures", &b.Failures, 20, number(1, failuresMax))
	key(s, "window", &b.Window, time.Minute, someTime)
}

// checkPath checks that the file can be read. The sandbox checks its content.
func (p *Plugin) checkPath(s *section) {
	if p.Path == "" {
		return
	}
	if err := s.doc.readable(p.Path); err != nil {
		s.wrong("path", fmt.Sprintf("is %s: %s", quote(s.doc.shown(p.Path)), reason(err)), "give the path of a .wasm file that can be read")
	}
}

// plugin is the name of a plugin that must exist; checkPlugins looks for it.
func (s *section) plugin() kind[string] {
	return kind[string]{
		read: func(n *node) (string, []fault) {
			name, faults := pluginName.read(n)
			if len(faults) == 0 {
				s.doc.mentions = append(s.doc.mentions, mention{name, n.line})
			}
			return name, faults
		},
		write: pluginName.write,
	}
}

// path is the path of a file, relative to the configuration's.
func (s *section) path() kind[string] {
	return kind[string]{
		read: func(n *node) (string, []fault) {
			path, faults := oneLine.read(n)
			if len(faults) > 0 {
				return "", faults
			}
			return s.doc.absolute(path), nil
		},
		write: basicString,
	}
}
