package config

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
)

// listener is a place where the gateway listens, and the key that says so.
type listener struct {
	section, key string
	at           Endpoint
}

// listeners are those of a configuration; some are nowhere.
func (c *Config) listeners() []listener {
	return []listener{
		{"mta", "lmtp_port", Endpoint{"tcp", c.MTA.ListenAddress()}},
		{"mta", "lmtp_socket", Endpoint{"unix", c.MTA.LMTPSocket}},
		{"lookup", "listen", c.Lookup.Listen},
		{"http", "listen", c.HTTP.Listen},
		{"metrics", "listen", c.Metrics.Listen},
	}
}

// checkPlaces finds listeners that cannot both be had, and a next hop that is the
// gateway itself: its mail would go round, or wait for ever.
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
			d.problem(d.line("mta", "smtp_port"), fmt.Sprintf("[mta] smtp_host and smtp_port lead to %s, where [mta] %s has this gateway listen", c.MTA.UpstreamAddress(), l.key), "give the port at which the MTA takes mail")
		}
		for _, f := range c.Forwards {
			if l.section == "mta" && l.at.isAt(f.To.Endpoint) {
				d.problem(f.Line, fmt.Sprintf("[[forward]] %s goes to %s, where [%s] %s has this gateway listen", quote(f.Name), f.To, l.section, l.key), "give the backend or the gateway another port")
			}
		}
	}
}

// meets says whether two endpoints are one place, or one within the other: an
// address that stands for all has the port of each.
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

// isAt says whether mail for a next hop comes to who listens at an endpoint. Another
// machine may have the port that is taken at all addresses of this one.
func (e Endpoint) isAt(hop Endpoint) bool {
	host, _, _ := net.SplitHostPort(hop.Address)
	return e.meets(hop) && (e.Address == hop.Address || isLoopback(host))
}

// covers says whether who listens at a host does so at another one too.
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
