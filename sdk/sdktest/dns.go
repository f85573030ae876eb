package sdktest

import (
	"strings"

	"github.com/mmgw/mmgw/sdk/wire"
)

var dnsTypes = map[int32]string{wire.DNSA: "A", wire.DNSAAAA: "AAAA", wire.DNSTXT: "TXT", wire.DNSMX: "MX", wire.DNSPTR: "PTR"}

// DNS answers from the records of the Host. An entry without records stands for a server
// that does not answer.
func (c *call) DNS(kind int32, name string, buf []byte) int32 {
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	const letters = "abcdefghijklmnopqrstuvwxyz0123456789-_.:"
	switch {
	case c.phase == phaseInit || c.phase == phaseWriter:
		return wire.WrongPhase
	case dnsTypes[kind] == "", name == "", len(name) > wire.DNSNameBytesMax, strings.Trim(name, letters) != "":
		return wire.BadArgument
	}
	records, ok := c.host.DNS[dnsTypes[kind]+" "+name]
	switch {
	case !ok:
		return wire.NotFound
	case len(records) == 0:
		return wire.Temporary
	}
	return put(buf, strings.Join(records, "\n"))
}
