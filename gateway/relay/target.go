package relay

import (
	"crypto/tls"

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

// String is the target as a configuration writes it: "smtp:HOST:PORT",
// "lmtp:HOST:PORT" or "lmtp:unix:/PATH".
func (t Target) String() string {
	if t.Network == "unix" {
		return string(t.Protocol) + ":unix:" + t.Address
	}
	return string(t.Protocol) + ":" + t.Address
}
