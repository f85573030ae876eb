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

// Endpoint is a place to listen on or to connect to, in the words of package
// net. The zero value is none.
type Endpoint struct {
	Network string // "tcp" or "unix"
	Address string // "host:port" (RFC 3986 brackets around IPv6), or an absolute path
}

// ParseEndpoint reads "host:port" or "unix:/path". Port 0 is legal: the kernel
// chooses one.
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
		return NextHop{}, errors.New("it begins with neither lmtp: nor smtp:")
	}
	to, err := ParseEndpoint(rest)
	switch {
	case err != nil:
		return NextHop{}, err
	case protocol == "smtp" && to.Network == "unix":
		return NextHop{}, errors.New("SMTP over a Unix socket is not offered")
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

// parseHostPort takes an address of TCP. Ports have numbers here: names of
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

// parseHost takes an IP address or a host name; underscores are taken, as
// machines and containers have them.
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

// hostCharacters are those of host names, and of bare keys of TOML.
const hostCharacters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"

// parseAddress is gateway.ParseForwardPath with errors that leave out the
// address, which the text around them shows.
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
		return "", errors.New("no name for DNS")
	}
	return name, nil
}

// parseDomain takes a domain of a mail address, but no address literal.
func parseDomain(s string) (string, error) {
	path, err := gateway.ParseForwardPath("x@" + s)
	if err != nil || strings.ContainsAny(s, "[@") {
		return "", errors.New("no domain name")
	}
	return path.Domain(), nil
}

// nameBytesMax bounds names of plugins and routes: they become file names and
// parts of metrics.
const nameBytesMax = 64

// parseName takes the name of a plugin or a route. A leading hyphen would make
// it an option of commands.
func parseName(s string) (string, error) {
	switch {
	case s == "":
		return "", errors.New("empty")
	case len(s) > nameBytesMax:
		return "", fmt.Errorf("longer than %d characters", nameBytesMax)
	case strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" || s[0] == '-':
		return "", errors.New("a character where none such is allowed")
	}
	return s, nil
}

// parsePrefix takes a network, or an address that stands for itself.
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
		return "", errors.New("no SHA-256")
	}
	return strings.ToLower(s), nil
}

// parseLevel takes the names of slog's levels, without offsets.
func parseLevel(s string) (slog.Level, error) {
	for _, l := range []slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError} {
		if s == strings.ToLower(l.String()) {
			return l, nil
		}
	}
	return 0, errors.New("no level of the log")
}
