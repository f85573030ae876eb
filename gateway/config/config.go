// Package config reads the configuration of a gateway: one TOML file, and the
// files of members and secrets that it names.
//
// The result is complete and immutable: every key has its value, paths are
// absolute, addresses are in normal form. Reading is strict. A key that is not
// known, a value that cannot be, a plugin that is not there, a file that
// cannot be read: all of it is found in one run, each with file and line and
// with what to do about it.
//
// Nothing below the package that assembles the gateway sees a Config. A choice
// that another package offers is its word here, a string that is one of those
// listed beside it; choices that are made from the Config itself have types.
package config

import (
	"slices"
	"sync"
	"time"

	"github.com/mmgw/mmgw/gateway"
)

// Config is a whole configuration, in the words and the order of the file.
// Nobody changes it.
type Config struct {
	File          string // the file it was read from
	StateDir      string
	PluginDir     string // NAME.wasm is looked up here after the built-ins
	TextDir       string // NAME.txt here takes the place of a built-in text; or ""
	Hostname      string // in LHLO, EHLO, Received and DSNs
	SiteOwner     gateway.ForwardPath
	KeepForReplay time.Duration // how long delivered messages stay; 0: not at all

	MTA      MTA
	LMTP     LMTP
	VERP     VERP
	Lists    []List
	Forwards []Forward
	Routes   map[string]Route
	Incoming Incoming
	Outgoing Outgoing
	Plugins  map[string]Plugin // those with a table; see Plugin
	Lines    map[string]int    // where the file names a plugin first, in a table or by use
	Auth     Auth
	Bounce   Bounce
	HTTP     HTTP
	Lookup   Lookup
	Metrics  Metrics
	Log      Log
}

// Plugin returns the settings of the plugin of that name: what its table says,
// or the defaults.
func (c *Config) Plugin(name string) Plugin {
	if p, ok := c.Plugins[name]; ok {
		return p
	}
	return pluginDefaults()
}

// PluginNames are the names of all plugins that are used or have a table, sorted.
func (c *Config) PluginNames() []string {
	names := []string{c.MTA.Incoming, c.MTA.Outgoing, c.Incoming.Policy}
	names = append(append(names, c.Incoming.Handlers...), c.Outgoing.Handlers...)
	for i := range c.Lists {
		names = append(names, c.Lists[i].Incoming...)
	}
	for name, p := range c.Plugins {
		names = append(names, name, p.Shadow)
	}
	slices.Sort(names)
	names = slices.Compact(names)
	if names[0] == "" { // no policy, or no shadow
		names = names[1:]
	}
	return names
}

// pluginDefaults is made once, since it is asked for with every message. Nobody
// changes it.
var pluginDefaults = sync.OnceValue(func() (p Plugin) {
	p.keys(&section{doc: &document{}})
	return p
})

// sections reads or writes the whole file in its order.
func (c *Config) sections(d *document) {
	c.keys(d.top())
	oneTable(d, "mta", &c.MTA, (*MTA).keys)
	oneTable(d, "lmtp", &c.LMTP, (*LMTP).keys)
	oneTable(d, "verp", &c.VERP, (*VERP).keys)
	arrayTable(d, "list", &c.Lists, (*List).keys)
	arrayTable(d, "forward", &c.Forwards, (*Forward).keys)
	namedTables(d, "route", &c.Routes, (*Route).keys)
	oneTable(d, "incoming", &c.Incoming, (*Incoming).keys)
	oneTable(d, "outgoing", &c.Outgoing, (*Outgoing).keys)
	namedTables(d, "plugins", &c.Plugins, (*Plugin).keys)
	oneTable(d, "auth", &c.Auth, (*Auth).keys)
	oneTable(d, "bounce", &c.Bounce, (*Bounce).keys)
	oneTable(d, "http", &c.HTTP, (*HTTP).keys)
	oneTable(d, "lookup", &c.Lookup, (*Lookup).keys)
	oneTable(d, "metrics", &c.Metrics, (*Metrics).keys)
	oneTable(d, "log", &c.Log, (*Log).keys)
}

// keys are those in front of all tables. Defaults that depend on the machine
// are in Options.
func (c *Config) keys(s *section) {
	key(s, "state_dir", &c.StateDir, "", s.path())
	key(s, "plugin_dir", &c.PluginDir, "/etc/mmgw/plugins", s.path())
	key(s, "text_dir", &c.TextDir, "", s.path())
	key(s, "hostname", &c.Hostname, "", orEmpty(domain))
	key(s, "site_owner", &c.SiteOwner, "", orEmpty(address))
	key(s, "keep_for_replay", &c.KeepForReplay, 0, duration)
}

// Route is a place that handlers may choose by its name, [route.NAME].
type Route struct {
	To NextHop
}

// keys of [route.NAME].
func (r *Route) keys(s *section) {
	s.require("to", "where it leads")
	key(s, "to", &r.To, NextHop{}, nextHop)
}

// Incoming is the chain of handlers in front of the reply, [incoming].
type Incoming struct {
	Handlers []string      // names of plugins, in the order they run
	Timeout  time.Duration // of a whole chain

	Policy  string        // plugin that decides who may post, after the handlers; "": everybody may
	HoldFor time.Duration // how long what is held waits for a moderator

	// Reject is what a handler's reject means for mail that no one has
	// authenticated, as its reverse-path may be forged: "smtp" for a 5xx
	// reply, "discard" or "hold".
	Reject string
}

// keys of [incoming]. No handler runs unless it is asked for.
func (i *Incoming) keys(s *section) {
	key(s, "handlers", &i.Handlers, nil, arrayOf(s.plugin()))
	// Below the ten minutes that RFC 5321, section 4.5.3.2.6, makes clients
	// wait for the reply to a message.
	key(s, "timeout", &i.Timeout, time.Minute, someTime)
	key(s, "policy", &i.Policy, "posting", orEmpty(s.plugin()))
	// Two weeks' holiday of a moderator; then it is thrown away.
	key(s, "hold_for", &i.HoldFor, 14*24*time.Hour, someTime)
	key(s, "reject", &i.Reject, "smtp", choice("smtp", "discard", "hold"))
}

// Outgoing is the chain of handlers before expansion, [outgoing].
type Outgoing struct {
	Handlers []string
}

// keys of [outgoing]. Without List-Id and List-Unsubscribe (RFC 2369, RFC 2919)
// large receivers take list mail for spam, so that they are the default.
func (o *Outgoing) keys(s *section) {
	key(s, "handlers", &o.Handlers, []string{"list-headers"}, arrayOf(s.plugin()))
}
