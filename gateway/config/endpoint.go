package config

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/netip"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/mmgw/mmgw/gateway"
)

// Endpoint is an address to listen at or to connect to, as package net takes it.
// The zero value stands for none.
type Endpoint struct {
	Network string // "tcp" or "unix"
	Address string // "host:port", with brackets around an IPv6 address, or an absolute path
}

// ParseEndpoint reads "host:port" or "unix:/path". Port 0 is valid: the kernel
// then chooses one.
func ParseEndpoint(s string) (Endpoint, error) {
	if path, ok := strings.CutPrefix(s, "unix:"); ok {
		if !filepath.IsAbs(path) || strings.ContainsAny(path, "\x00\r\n") {
			return Endpoint{}, errors.New("the path of the socket is not absolute")
		}
		return Endpoint{"unix", filepath.Clean(path)}, nil
	}
	address, err := parseHostPort(s)
	if err != nil {
		return Endpoint{}, err
	}
	return Endpoint{"tcp", address}, nil
}

// String is what ParseEndpoint reads, "" for the zero value.
func (e Endpoint) String() string {
	if e.Network == "unix" {
		return "unix:" + e.Address
	}
	return e.Address
}

// NextHop is a host that takes messages, and the protocol that it speaks.
type NextHop struct {
	Protocol string // "lmtp" or "smtp"
	Endpoint
}

// ParseNextHop reads "lmtp:HOST:PORT", "lmtp:unix:/path" or "smtp:HOST:PORT".
func ParseNextHop(s string) (NextHop, error) {
	protocol, rest, _ := strings.Cut(s, ":")
	if protocol != "lmtp" && protocol != "smtp" {
		return NextHop{}, errors.New(`it begins with neither "lmtp:" nor "smtp:"`)
	}
	to, err := ParseEndpoint(rest)
	switch {
	case err != nil:
		return NextHop{}, err
	case protocol == "smtp" && to.Network == "unix":
		return NextHop{}, errors.New("SMTP over a Unix socket is not supported")
	case strings.HasSuffix(to.Address, ":0"):
		return NextHop{}, errors.New("port 0 cannot be connected to")
	}
	return NextHop{protocol, to}, nil
}

// String is what ParseNextHop reads, "" for the zero value.
func (h NextHop) String() string {
	if h.Protocol == "" {
		return ""
	}
	return h.Protocol + ":" + h.Endpoint.String()
}

// parseHostPort takes an address of TCP. The port must be a number: names of
// services differ between machines.
func parseHostPort(s string) (string, error) {
	name, port, err := net.SplitHostPort(s)
	if err != nil {
		return "", errors.New("it is not host:port")
	}
	if name, err = parseHost(name); err != nil {
		return "", err
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return "", errors.New("the port is not a number from 0 to 65535")
	}
	return net.JoinHostPort(name, strconv.FormatUint(n, 10)), nil
}

// parseHost takes an IP address or a host name. It allows underscores, which names
// of machines and containers do have.
func parseHost(s string) (string, error) {
	if addr, err := netip.ParseAddr(s); err == nil && addr.Zone() == "" {
		return addr.String(), nil
	}
	if len(s) > gateway.DomainBytesMax {
		return "", errors.New("longer than a host name can be")
	}
	for label := range strings.SplitSeq(strings.TrimSuffix(s, "."), ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || strings.Trim(label, hostCharacters) != "" {
			return "", errors.New("neither a host name nor an IP address")
		}
	}
	return strings.ToLower(s), nil
}

// hostCharacters are the characters of host names, and of bare keys of TOML.
const hostCharacters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"

// parseAddress is gateway.ParseForwardPath, with errors that do not repeat the
// address.
func parseAddress(s string) (gateway.ForwardPath, error) {
	path, err := gateway.ParseForwardPath(s)
	if wrong, ok := errors.AsType[*gateway.PathError](err); ok {
		err = errors.New(wrong.Reason)
	}
	return path, err
}

// parseSelector takes the name of a DKIM key (RFC 6376, section 3.1).
func parseSelector(s string) (string, error) {
	name, err := parseHost(s)
	if err != nil || strings.HasSuffix(name, ".") || strings.Contains(name, ":") {
		return "", errors.New("not a name in DNS")
	}
	return name, nil
}

// parseDomain takes the domain of a mail address, but not an address literal.
func parseDomain(s string) (string, error) {
	path, err := gateway.ParseForwardPath("x@" + s)
	if err != nil || strings.ContainsAny(s, "[@") {
		return "", errors.New("not a domain name")
	}
	return path.Domain(), nil
}

// nameBytesMax bounds the names of plugins and routes, which become file names and
// parts of metrics.
const nameBytesMax = 64

// parseName takes the name of a plugin or a route. It must not begin with a hyphen,
// which commands would take for an option.
func parseName(s string) (string, error) {
	switch {
	case s == "":
		return "", errors.New("empty")
	case len(s) > nameBytesMax:
		return "", fmt.Errorf("longer than %d characters", nameBytesMax)
	case strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" || s[0] == '-':
		return "", errors.New("it has a character that is not allowed")
	}
	return s, nil
}

// parsePrefix takes a network, or a single IP address.
func parsePrefix(s string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(s); err == nil && addr.Zone() == "" {
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return p, errors.New("neither a network nor an IP address")
	}
	return p.Masked(), nil
}

// parseMode takes permission bits as chmod does.
func parseMode(s string) (fs.FileMode, error) {
	n, err := strconv.ParseUint(s, 8, 32)
	if err != nil || n > uint64(fs.ModePerm) {
		return 0, errors.New("not an octal number up to 0777")
	}
	return fs.FileMode(n), nil
}

// parseDigest takes a SHA-256 in hexadecimal digits and returns it in lower case.
func parseDigest(s string) (string, error) {
	if b, err := hex.DecodeString(s); err != nil || len(b) != 32 {
		return "", errors.New("not a SHA-256")
	}
	return strings.ToLower(s), nil
}

// parseLevel takes the name of a level of slog, without an offset.
func parseLevel(s string) (slog.Level, error) {
	for _, l := range []slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError} {
		if s == strings.ToLower(l.String()) {
			return l, nil
		}
	}
	return 0, errors.New("not a level of the log")
}
