package config

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
)

// listener is an address at which the gateway listens, and the key that says so.
type listener struct {
	section, key string
	at           Endpoint
}

// listeners are all listeners of a configuration; those that are off have a zero
// Address.
func (c *Config) listeners() []listener {
	return []listener{
		{"mta", "lmtp_port", Endpoint{"tcp", c.MTA.ListenAddress()}},
		{"mta", "lmtp_socket", Endpoint{"unix", c.MTA.LMTPSocket}},
		{"lookup", "listen", c.Lookup.Listen},
		{"http", "listen", c.HTTP.Listen},
		{"metrics", "listen", c.Metrics.Listen},
	}
}

// checkPlaces finds listeners with the same address, and next hops that are the
// gateway itself: mail to them would loop, or wait forever.
func (c *Config) checkPlaces(d *document) {
	all := c.listeners()
	for i, l := range all {
		for _, other := range all[:i] {
			if l.at.meets(other.at) {
				d.problem(d.line(l.section, l.key), fmt.Sprintf("[%s] %s is at %s, and so is [%s] %s", l.section, l.key, l.at, other.section, other.key), "give one of them another port or path")
				break
			}
		}
		if l.section == "mta" && l.at.isAt(Endpoint{"tcp", c.MTA.UpstreamAddress()}) {
			d.problem(d.line("mta", "smtp_port"), fmt.Sprintf("[mta] smtp_host and smtp_port are %s, where this gateway itself listens ([mta] %s)", c.MTA.UpstreamAddress(), l.key), "give the port at which the MTA takes mail")
		}
		for _, f := range c.Forwards {
			if l.section == "mta" && l.at.isAt(f.To.Endpoint) {
				d.problem(f.Line, fmt.Sprintf("[[forward]] %s goes to %s, where this gateway itself listens ([%s] %s)", quote(f.Name), f.To, l.section, l.key), "give the backend or the gateway another port")
			}
		}
	}
}

// meets says whether nobody can listen at both endpoints: they are the same, or one
// is the same port at all addresses.
func (e Endpoint) meets(other Endpoint) bool {
	if e.Network != other.Network || e.Address == "" {
		return false
	}
	host, port, err := net.SplitHostPort(e.Address)
	otherHost, otherPort, otherErr := net.SplitHostPort(other.Address)
	if e.Network == "unix" || err != nil || otherErr != nil {
		return e.Address == other.Address
	}
	return port == otherPort && port != "0" && (covers(host, otherHost) || covers(otherHost, host) || numeric(host) == numeric(otherHost))
}

// isAt says whether mail for a next hop arrives at an endpoint of this gateway. If
// that listens at all addresses, a host other than loopback may still be another
// machine, and is taken for one.
func (e Endpoint) isAt(hop Endpoint) bool {
	host, _, _ := net.SplitHostPort(hop.Address)
	return e.meets(hop) && (e.Address == hop.Address || isLoopback(host))
}

// covers says whether listening at a host includes listening at another.
func covers(host, other string) bool {
	all, err := netip.ParseAddr(host)
	one, otherErr := netip.ParseAddr(other)
	return err == nil && all.IsUnspecified() && (all.Is6() || otherErr != nil || one.Is4())
}

func numeric(host string) string {
	if strings.EqualFold(host, "localhost") {
		return "127.0.0.1"
	}
	return host
}
