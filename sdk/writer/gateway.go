package writer

import (
	"errors"
	"strings"

	"github.com/mmgw/mmgw/sdk"
	"github.com/mmgw/mmgw/sdk/wire"
)

// FileMode is the mode of files that an MTA reads as another user.
const FileMode = 0o644

// ByHand writes what the administrator has to do once by hand. `mmgw mta show` prints it.
func ByHand(inv *sdk.Inventory, text string) error {
	return inv.WriteFile(wire.ByHandFile, FileMode, text)
}

// Dir is the directory where the files will be installed.
func Dir(inv *sdk.Inventory) string { return inv.Gateway().Get("mta_dir") }

// Delimiter is the delimiter between an address and a detail.
func Delimiter(inv *sdk.Inventory) string {
	if delimiter := inv.Gateway().Get("verp_delimiter"); delimiter != "" {
		return delimiter
	}
	return "+"
}

// Target is the address of a server of mmgw: a host and a port, or a Unix socket if Host is
// "". The zero Target stands for none.
type Target struct{ Host, Port, Socket string }

// Address is HOST:PORT, with an IPv6 address in brackets.
func (t Target) Address() string {
	if strings.Contains(t.Host, ":") {
		return "[" + t.Host + "]:" + t.Port
	}
	return t.Host + ":" + t.Port
}

// LMTP is the server that takes mail. The host has no brackets. "localhost" becomes
// 127.0.0.1, since Postfix looks up next hops only in the DNS, and bounces mail if there is
// no answer.
func LMTP(inv *sdk.Inventory) (Target, error) {
	t, err := target(inv, "lmtp_target", "lmtp_socket")
	if err == nil && t == (Target{}) {
		err = errors.New("the inventory names no LMTP server: neither lmtp_target nor lmtp_socket")
	}
	return t, err
}

// LMTPByTCP is LMTP for an MTA that can use only TCP. what is the name of the MTA, for the
// error.
func LMTPByTCP(inv *sdk.Inventory, what string) (Target, error) {
	t, err := LMTP(inv)
	if err == nil && t.Host == "" {
		err = errors.New(what + " delivers by TCP: [mta] lmtp_advertise needs a host and a port")
	}
	return t, err
}

// Lookup is the server of [lookup] listen, or the zero Target if there is none.
func Lookup(inv *sdk.Inventory) (Target, error) {
	return target(inv, "lookup_target", "lookup_socket")
}

func target(inv *sdk.Inventory, addressColumn, socketColumn string) (Target, error) {
	gateway := inv.Gateway()
	address := gateway.Get(addressColumn)
	if address == "" {
		return Target{Socket: gateway.Get(socketColumn)}, nil
	}
	colon := strings.LastIndexByte(address, ':')
	if colon < 1 || colon == len(address)-1 {
		return Target{}, errors.New(addressColumn + " is not HOST:PORT: " + address)
	}
	host := strings.Trim(address[:colon], "[]")
	if Lower(host) == "localhost" {
		host = "127.0.0.1"
	}
	return Target{Host: host, Port: address[colon+1:]}, nil
}
