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

// checkPlaces finds listeners that cannot both be had, and a backend that is the
// gateway itself: its mail would go round.
func (c *Config) checkPlaces(d *document) {
	all := c.listeners()
	for i, l := range all {
		for _, other := range all[:i] {
			if l.at.meets(other.at) {
				d.problem(d.line(l.section, l.key), fmt.Sprintf("[%s] %s is at %s, and so is [%s] %s", l.section, l.key, l.at, other.section, other.key), "give one of them another port or path")
				break
			}
		}
		for _, f := range c.Forwards {
			if l.section == "mta" && l.at.meets(f.To.Endpoint) {
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
	return port == otherPort && port != "0" && (isEverywhere(host) || isEverywhere(otherHost) || numeric(host) == numeric(otherHost))
}

// isEverywhere says whether who listens at a host does so at all addresses.
func isEverywhere(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "" || err == nil && addr.IsUnspecified()
}

func numeric(host string) string {
	if strings.EqualFold(host, "localhost") {
		return "127.0.0.1"
	}
	return host
}
