package lookup

import (
	"net"
	"net/netip"
	"strings"
)

// PostfixNextHop is the value of transport for a target "HOST:PORT", or for a
// Unix socket where target is "". Brackets keep Postfix from asking for MX
// records, and it asks the DNS alone for "localhost".
func PostfixNextHop(target, socket string) string {
	host, port, err := net.SplitHostPort(target)
	if err != nil {
		return "lmtp:unix:" + socket
	}
	host = numeric(host)
	if ip, err := netip.ParseAddr(host); err == nil && ip.Is6() {
		host = "ipv6:" + host
	}
	return "lmtp:[" + host + "]:" + port
}

// SendmailMailer is the value of mailertable for a target, whose port stands in
// the definition of the mailer; "" where there is none.
func SendmailMailer(target string) string {
	host, _, err := net.SplitHostPort(target)
	if err != nil {
		return ""
	}
	host = numeric(host)
	if ip, err := netip.ParseAddr(host); err == nil && ip.Is6() {
		host = "IPv6:" + host
	}
	return "mmgw:[" + host + "]"
}

func numeric(host string) string {
	if strings.EqualFold(host, "localhost") {
		return "127.0.0.1"
	}
	return host
}
