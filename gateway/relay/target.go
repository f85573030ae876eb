package relay

import (
	"crypto/tls"
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/mmgw/mmgw/gateway/smtp"
)

// Target is one next hop and how to speak to it.
type Target struct {
	Network  string // "tcp" or "unix"
	Address  string // "host:port" or a path
	Protocol smtp.Protocol
	Security smtp.Security // "" is Cleartext
	TLS      *tls.Config   // see smtp.Options

	User, Password string // of AUTH; User "" does not log in
}

// ParseTarget reads "smtp:HOST:PORT", "lmtp:HOST:PORT" or "lmtp:unix:/PATH".
// An IPv6 address stands in brackets. The target is one in the clear, without
// a login.
func ParseTarget(s string) (Target, error) {
	protocol, address, _ := strings.Cut(s, ":")
	target := Target{Network: "tcp", Address: address, Protocol: smtp.Protocol(protocol)}
	if target.Protocol != smtp.SMTP && target.Protocol != smtp.LMTP {
		return Target{}, fmt.Errorf("%q: a next hop starts with smtp: or lmtp:", s)
	}
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		if target.Protocol != smtp.LMTP || !strings.HasPrefix(path, "/") {
			return Target{}, fmt.Errorf("%q: a Unix socket is lmtp:unix: and an absolute path", s)
		}
		target.Network, target.Address = "unix", path
		return target, nil
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil || host == "" {
		return Target{}, fmt.Errorf("%q: a next hop is %s:HOST:PORT", s, protocol)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return Target{}, fmt.Errorf("%q: the port is a number from 1 to 65535", s)
	}
	return target, nil
}

// String is the target as ParseTarget reads it.
func (t Target) String() string {
	if t.Network == "unix" {
		return string(t.Protocol) + ":unix:" + t.Address
	}
	return string(t.Protocol) + ":" + t.Address
}
