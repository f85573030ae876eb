package sdk

import (
	"strings"

	"github.com/mmgw/mmgw/sdk/internal/abi"
	"github.com/mmgw/mmgw/sdk/wire"
)

// DNSType is what the DNS is asked for.
type DNSType int32

// The types, and what a record reads as.
const (
	A    DNSType = wire.DNSA    // 192.0.2.1
	AAAA DNSType = wire.DNSAAAA // 2001:db8::1
	TXT  DNSType = wire.DNSTXT  // the text, its strings put together
	MX   DNSType = wire.DNSMX   // 10 mx.example.com, the most preferred first
	PTR  DNSType = wire.DNSPTR  // host.example.com; asked for by the address itself
)

// LookupDNS returns the records of a type that a name has. ErrNotFound says that
// there are none, ErrTemporary that nobody answered, ErrLimit that the call has
// asked too much. It needs the capability dns. mmgw remembers answers for some
// seconds: to ask again costs nothing.
func LookupDNS(kind DNSType, name string) ([]string, error) {
	records, err := answer(func(buf []byte) int32 { return abi.DNS(int32(kind), name, buf) })
	if err != nil {
		return nil, err
	}
	return strings.Split(records, "\n"), nil
}
