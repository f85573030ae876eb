package sdk

import (
	"strings"

	"github.com/mmgw/mmgw/sdk/internal/abi"
	"github.com/mmgw/mmgw/sdk/wire"
)

// DNSType is a type of DNS record.
type DNSType int32

// The types, and how a record reads.
const (
	A    DNSType = wire.DNSA    // 192.0.2.1
	AAAA DNSType = wire.DNSAAAA // 2001:db8::1
	TXT  DNSType = wire.DNSTXT  // the text, with its strings joined
	MX   DNSType = wire.DNSMX   // 10 mx.example.com, the most preferred first
	PTR  DNSType = wire.DNSPTR  // host.example.com; its name is an IP address
)

// LookupDNS returns the records of a type for a name. ErrNotFound says that there are
// none, ErrTemporary that nobody answered, ErrLimit that the call has asked too much. It
// needs the capability dns. mmgw keeps answers for some seconds, so asking again costs
// nothing.
func LookupDNS(kind DNSType, name string) ([]string, error) {
	records, err := answer(func(buf []byte) int32 { return abi.DNS(int32(kind), name, buf) })
	if err != nil {
		return nil, err
	}
	return strings.Split(records, "\n"), nil
}
