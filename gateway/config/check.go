package config

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mmgw/mmgw/gateway"
)

// check finds values that are valid by themselves but do not fit together.
func (c *Config) check(d *document) {
	c.checkPlugins(d)
	c.checkLists(d)
	c.checkForwards(d)
	c.checkListener(d)
	c.checkPlaces(d)
	c.checkUnsubscribe(d)
}

// line is the line of a key of a table, or of the table if it has no such key, or
// else 1.
func (d *document) line(section, key string) int {
	if n := d.root.keys[section]; n != nil {
		if t, ok := n.value.(*table); ok {
			return t.lineOf(key)
		}
		return n.line
	}
	return 1
}

// checkPlugins checks that every plugin that the file names exists.
func (c *Config) checkPlugins(d *document) {
	for _, name := range slices.Sorted(maps.Keys(c.Plugins)) {
		d.mentions = append(d.mentions, mention{name, d.line("plugins", name)})
		if c.Plugins[name].Shadow == name {
			d.problem(d.line("plugins", name), fmt.Sprintf("[plugins.%s] shadow names the plugin itself", name), "name another plugin")
		}
	}
	c.Lines = map[string]int{}
	for _, m := range d.mentions {
		if c.Lines[m.name] > 0 {
			continue
		}
		c.Lines[m.name] = m.line
		if !c.hasPlugin(d, m.name) {
			d.problem(m.line, fmt.Sprintf("there is no plugin %q: it is not built in, and %s cannot be read", m.name, d.shown(c.pluginFile(m.name))),
				fmt.Sprintf("put it there, set path in [plugins.%s], or correct the name", m.name))
		}
	}
}

// pluginFile is the path of a plugin that is not built in and has no path of its
// own.
func (c *Config) pluginFile(name string) string { return filepath.Join(c.PluginDir, name+".wasm") }

// hasPlugin says whether a plugin exists. It looks in the same places, in the same
// order, as the server does.
func (c *Config) hasPlugin(d *document, name string) bool {
	known := d.opts.Known
	return known == nil || known(name) || name == "exim" && known("exim4") ||
		c.Plugins[name].Path != "" || // checkPath has reported it if it cannot be read
		d.readable(c.pluginFile(name)) == nil
}

// checkLists finds lists with the same address or List-Id, and names that the VERP
// delimiter would split.
func (c *Config) checkLists(d *document) {
	byAddress, byID := map[string]int{}, map[gateway.ListID]int{}
	for i := range c.Lists {
		l := &c.Lists[i]
		if l.Address == "" {
			continue
		}
		if first, ok := byAddress[l.Address.Key()]; ok {
			d.problem(l.Line, fmt.Sprintf("[[list]] address %s was given in line %d", quote(string(l.Address)), first), "remove one of the lists")
		} else if first, ok := byID[l.ID]; ok {
			d.problem(l.Line, fmt.Sprintf("[[list]] %s has the same List-Id %q as the list in line %d", quote(string(l.Address)), l.ID, first), "rename one of the lists")
		}
		byAddress[l.Address.Key()], byID[l.ID] = l.Line, l.Line
		if delimiter := c.VERP.Delimiter; delimiter != "-" && delimiter != "+" && strings.Contains(l.Address.Local(), delimiter) {
			d.problem(l.Line, fmt.Sprintf("[[list]] %s has the [verp] delimiter %q in its name", quote(string(l.Address)), delimiter), "rename the list, or choose another delimiter")
		}
	}
}

// checkForwards finds forward routes that clash with lists or with each other.
func (c *Config) checkForwards(d *document) {
	taken := map[string]string{}
	for i := range c.Lists {
		l := &c.Lists[i]
		for _, domain := range []string{l.Address.Domain(), l.AliasDomain} {
			if domain != "" {
				taken[domain] = fmt.Sprintf("is the domain of the list %s in line %d", quote(string(l.Address)), l.Line)
			}
		}
	}
	names := map[string]int{}
	for _, f := range c.Forwards {
		for _, domain := range f.Domains {
			if why := taken[domain]; why != "" {
				d.problem(f.Line, fmt.Sprintf("[[forward]] domain %q %s", domain, why), "a domain has either lists or a backend")
			}
			taken[domain] = fmt.Sprintf("is forwarded in line %d", f.Line)
		}
		if first := names[f.Name]; first > 0 {
			d.problem(f.Line, fmt.Sprintf("[[forward]] name %q was given in line %d", f.Name, first), "choose another name")
		}
		if _, ok := c.Routes[f.Name]; ok {
			d.problem(f.Line, fmt.Sprintf("[[forward]] name %q is that of [route.%s]", f.Name, f.Name), "choose another name")
		}
		if f.ReturnPath && f.To.Protocol == "smtp" {
			d.problem(f.Line, "[[forward]] return_path is true, but mail sent on by SMTP has no such field", "remove return_path, or write to = \"lmtp:...\"")
		}
		if f.Name != "" {
			names[f.Name] = f.Line
		}
	}
}

// checkListener checks that a gateway that other machines can reach lets at least
// one of them in.
func (c *Config) checkListener(d *document) {
	if isLoopback(c.MTA.LMTPHost) {
		return
	}
	for _, p := range c.LMTP.Allow {
		if !p.Addr().IsLoopback() {
			return
		}
	}
	d.problem(d.line("mta", "lmtp_host"), fmt.Sprintf("[mta] lmtp_host %q listens to other machines, but [lmtp] allow lets none of them in", c.MTA.LMTPHost),
		`add the MTA's address: allow = ["127.0.0.0/8", "::1", "192.0.2.25"]`)
}

// isLoopback says whether only this machine can reach a host. Any name other than
// localhost may have other addresses, now or later.
func isLoopback(host string) bool {
	if addr, err := netip.ParseAddr(host); err == nil {
		return addr.Unmap().IsLoopback()
	}
	return host == "localhost"
}

// checkUnsubscribe checks that one-click links have a URL to lead to.
func (c *Config) checkUnsubscribe(d *document) {
	if c.HTTP.Listen != (Endpoint{}) && d.line("http", "url") == d.line("http", "") {
		d.problem(d.line("http", "listen"), "[http] listen has no url", `add url = "https://lists.example.com", where members reach the gateway`)
	}
	for i := range c.Lists {
		if l := &c.Lists[i]; l.Unsubscribe == UnsubscribeMember && c.HTTP.URL == "" {
			d.problem(l.Line, fmt.Sprintf("[[list]] %s has unsubscribe = %q, but [http] has no url", quote(string(l.Address)), UnsubscribeMember), `set [http] listen and url, or unsubscribe = "list"`)
		}
	}
}

// siteURL is the URL under which a site is reached. RFC 8058, section 3.1, requires
// HTTPS; plain HTTP is accepted for this machine itself, to try things out.
var siteURL = textKind(`a URL such as "https://lists.example.com"`, func(s string) (string, error) {
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.ContainsAny(s, " <>\"\r\n"):
		return "", errors.New("not the address of a site")
	case u.Scheme == "https", u.Scheme == "http" && isLoopback(u.Hostname()):
		return strings.TrimRight(s, "/"), nil
	}
	return "", errors.New("not https")
}, same)

// ListenAddress is where the gateway listens for LMTP over TCP, as "host:port".
func (m *MTA) ListenAddress() string { return net.JoinHostPort(m.LMTPHost, fmt.Sprint(m.LMTPPort)) }

// UpstreamAddress is the address of the upstream MTA, as "host:port".
func (m *MTA) UpstreamAddress() string {
	return net.JoinHostPort(m.SMTPHost, fmt.Sprint(m.SMTPPort))
}
