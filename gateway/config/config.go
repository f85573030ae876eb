// Package config reads the configuration of a gateway: one TOML file, and the
// files of members and secrets that it names.
//
// The result is complete and immutable: every key has its value, paths are
// absolute, addresses are in normal form. Reading is strict: unknown keys, invalid
// values, missing plugins and unreadable files are all errors. One run reports all
// of them, each with file and line and with what to do about it.
//
// Only gateway/server, which assembles the gateway, and the commands see a Config.
// Where a key chooses between words of another package, its type is string and its
// comment lists them; a choice that is made by the Config's reader has a type.
package config

import (
	"slices"
	"sync"
	"time"

	"github.com/mmgw/mmgw/gateway"
)

// Config is a whole configuration, with the names and in the order of the file. It
// must not be changed.
type Config struct {
	File          string // the file it was read from
	StateDir      string
	PluginDir     string // NAME.wasm is looked up here after the built-ins
	TextDir       string // NAME.txt here takes the place of a built-in text; or ""
	Hostname      string // the gateway's own, in LHLO, EHLO, Received and DSNs
	SiteOwner     gateway.ForwardPath
	KeepForReplay time.Duration // how long delivered messages are kept; 0: not at all

	MTA      MTA
	LMTP     LMTP
	VERP     VERP
	Lists    []List
	Forwards []Forward
	Routes   map[string]Route
	Incoming Incoming
	Outgoing Outgoing
	Plugins  map[string]Plugin // those that have a table; see the method Plugin
	Lines    map[string]int    // by plugin, the first line that names it
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

// pluginDefaults is made once, since every message asks for it. It must not be
// changed.
var pluginDefaults = sync.OnceValue(func() (p Plugin) {
	p.keys(&section{doc: &document{}})
	return p
})

// sections reads or writes the whole file, table by table.
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

// keys are those before the first table. complete fills in the defaults that depend
// on the machine.
func (c *Config) keys(s *section) {
	key(s, "state_dir", &c.StateDir, "", s.path())
	key(s, "plugin_dir", &c.PluginDir, "/etc/mmgw/plugins", s.path())
	key(s, "text_dir", &c.TextDir, "", s.path())
	key(s, "hostname", &c.Hostname, "", orEmpty(domain))
	key(s, "site_owner", &c.SiteOwner, "", orEmpty(address))
	key(s, "keep_for_replay", &c.KeepForReplay, 0, duration)
}

// Route is a next hop that handlers can choose by its name, [route.NAME].
type Route struct {
	To NextHop
}

// keys of [route.NAME].
func (r *Route) keys(s *section) {
	s.require("to", "where it leads")
	key(s, "to", &r.To, NextHop{}, nextHop)
}

// Incoming is the chain of handlers that run before a message is accepted,
// [incoming].
type Incoming struct {
	Handlers []string      // names of plugins, in the order they run
	Timeout  time.Duration // of a whole chain

	Policy  string        // plugin that decides, after the handlers, who may post; "": everybody may
	HoldFor time.Duration // how long held messages wait for a moderator

	// Reject is what happens if a handler rejects a message whose sender is not
	// authenticated, and so may be forged: "smtp" for a 5xx reply, "discard" or
	// "hold".
	Reject string
}

// keys of [incoming]. No handler runs unless it is asked for.
func (i *Incoming) keys(s *section) {
	key(s, "handlers", &i.Handlers, nil, arrayOf(s.plugin()))
	// Less than the ten minutes for which clients wait for the reply to a message
	// (RFC 5321, section 4.5.3.2.6).
	key(s, "timeout", &i.Timeout, time.Minute, someTime)
	key(s, "policy", &i.Policy, "posting", orEmpty(s.plugin()))
	// As long as a moderator's holiday.
	key(s, "hold_for", &i.HoldFor, 14*24*time.Hour, someTime)
	key(s, "reject", &i.Reject, "smtp", choice("smtp", "discard", "hold"))
}

// Outgoing is the chain of handlers before expansion, [outgoing].
type Outgoing struct {
	Handlers []string
}

// keys of [outgoing]. list-headers is the default since large receivers take list
// mail without List-Id and List-Unsubscribe (RFC 2919, RFC 2369) for spam.
func (o *Outgoing) keys(s *section) {
	key(s, "handlers", &o.Handlers, []string{"list-headers"}, arrayOf(s.plugin()))
}
