package authres

import (
	"cmp"
	"context"
	"net"
	"slices"
	"strings"

	"blitiri.com.ar/go/spf"

	"github.com/mmgw/mmgw/gateway"
)

// checkSPF is the result of RFC 7208 for the client that handed the message to our
// MTA, or "" if the MTA did not tell its address. It checks the reverse-path, or if that
// is null the name in HELO (section 2.4). At most ten terms may ask DNS (section 4.6.4).
func (v *Verifier) checkSPF(ctx context.Context, client gateway.Client, from gateway.ReversePath) string {
	if !client.Addr.IsValid() {
		return ""
	}
	ctx, cancel := context.WithTimeout(ctx, v.timeout())
	defer cancel()
	domain, err := aLabels(spfDomain(client, from))
	if err != nil {
		return None // not a domain in DNS (RFC 7208, section 4.3)
	}
	sender := cmp.Or(from.Local(), "postmaster") + "@" + domain
	ip := net.IP(client.Addr.Unmap().WithZone("").AsSlice())
	result, err := spf.CheckHostWithSender(ip, client.Helo, sender, spf.WithContext(ctx), spf.WithResolver(spfDNS{v.dns(), ip}))
	if err != nil {
		v.log().Debug("authentication: SPF", "result", string(result), "error", gateway.Printable(err.Error()))
	}
	return string(result)
}

// spfDomain is the domain that checkSPF checks.
func spfDomain(client gateway.Client, from gateway.ReversePath) string {
	if from.IsNull() {
		return client.Helo
	}
	return from.Domain()
}

// spfDNS answers the questions of package spf.
type spfDNS struct {
	DNS
	client net.IP
}

// LookupTXT implements spf.DNSResolver. It replaces a policy that breaks the grammar
// by one that package spf refuses.
func (d spfDNS) LookupTXT(ctx context.Context, name string) ([]string, error) {
	found, err := d.DNS.LookupTXT(ctx, name)
	records := slices.Clone(found)
	for i, record := range records {
		version, _, _ := strings.Cut(strings.ToLower(record), " ")
		if version == "v=spf1" && !checkSPFRecord(record) {
			records[i] = spfMalformed
		} else if version == "v=spf1" {
			records[i] = d.fillP(ctx, name, hideSlashes(record))
		}
	}
	return records, err
}

// fillP fills in the macro %{p}, the client's validated name (RFC 7208, sections 5.5
// and 7.3), which package spf does not support. Its other forms are not in use.
func (d spfDNS) fillP(ctx context.Context, domain, record string) string {
	at := strings.Index(strings.ToLower(record), "%{p}")
	if at < 0 {
		return record
	}
	best := "unknown"
	names, _ := d.DNS.LookupAddr(ctx, d.client.String())
	for _, name := range names[:min(len(names), spfNamesMax)] {
		addresses, _ := d.LookupIPAddr(ctx, name)
		name = strings.ToLower(strings.TrimSuffix(name, "."))
		valid := slices.ContainsFunc(addresses, func(a net.IPAddr) bool { return a.IP.Equal(d.client) })
		within := name == domain || strings.HasSuffix(name, "."+domain)
		if valid && checkDNSName(name, "the client's name") == nil && (best == "unknown" || within) {
			best = name
		}
	}
	return strings.ReplaceAll(record, record[at:at+len("%{p}")], best)
}

// spfNamesMax bounds the names of a client that are validated (RFC 7208,
// section 4.6.4).
const spfNamesMax = 10

// LookupMX implements spf.DNSResolver.
func (d spfDNS) LookupMX(ctx context.Context, name string) ([]*net.MX, error) {
	return d.DNS.LookupMX(ctx, shownSlash.Replace(name))
}

// LookupIPAddr implements spf.DNSResolver.
func (d spfDNS) LookupIPAddr(ctx context.Context, host string) ([]net.IPAddr, error) {
	found, err := d.LookupNetIP(ctx, "ip", shownSlash.Replace(host))
	var addresses []net.IPAddr
	for _, a := range found {
		addresses = append(addresses, net.IPAddr{IP: net.IP(a.Unmap().AsSlice())})
	}
	return addresses, err
}
