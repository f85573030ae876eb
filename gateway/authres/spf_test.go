package authres

import (
	"context"
	"errors"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/mmgw/mmgw/gateway"
)

// suiteDNS is the DNS of a scenario of the SPF suites: by name, without the
// final dot and in lower case.
type suiteDNS map[string][]any

// find returns the records of a type, following aliases, as tables.
func (d suiteDNS) find(name, kind string) (values []any, err error) {
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	for range 10 {
		alias := ""
		for _, record := range d[name] {
			m, _ := record.(map[string]any)
			if len(values) == 0 && (record == "TIMEOUT" || record == "SERVFAIL" || m["TIMEOUT"] != nil || m["SERVFAIL"] != nil || m["CNAMELOOP"] != nil) {
				return nil, errors.New("the server failed")
			}
			if v, ok := m[kind]; ok && v != "NONE" {
				values = append(values, v)
			}
			if v, ok := m["CNAME"].(string); ok {
				alias = v
			}
		}
		if len(values) > 0 || alias == "" {
			break
		}
		name = strings.ToLower(strings.TrimSuffix(alias, "."))
	}
	if len(values) == 0 {
		return nil, notFound(name)
	}
	return values, nil
}

// textOf is a record of several strings, or of one.
func textOf(v any) string {
	parts, ok := v.([]any)
	if !ok {
		return v.(string)
	}
	text := ""
	for _, p := range parts {
		text += p.(string)
	}
	return text
}

func (d suiteDNS) LookupTXT(_ context.Context, name string) (texts []string, err error) {
	found, err := d.find(name, "TXT")
	var dns *net.DNSError
	none := func(record any) bool { m, _ := record.(map[string]any); return m["TXT"] == "NONE" }
	if errors.As(err, &dns) && !slices.ContainsFunc(d[strings.ToLower(strings.TrimSuffix(name, "."))], none) { // records of type SPF stand for both
		found, err = d.find(name, "SPF")
	}
	for _, v := range found {
		texts = append(texts, textOf(v))
	}
	if err == nil && len(texts) == 0 {
		err = notFound(name)
	}
	return texts, err
}

func (d suiteDNS) LookupMX(_ context.Context, name string) (mx []*net.MX, err error) {
	found, err := d.find(name, "MX")
	for _, v := range found {
		pair := v.([]any)
		pref, _ := strconv.Atoi(pair[0].(string))
		mx = append(mx, &net.MX{Pref: uint16(pref), Host: pair[1].(string)})
	}
	return mx, err
}

func (d suiteDNS) LookupNetIP(_ context.Context, _, name string) (addresses []netip.Addr, err error) {
	for _, kind := range []string{"A", "AAAA"} {
		found, failed := d.find(name, kind)
		for _, v := range found {
			addresses = append(addresses, netip.MustParseAddr(v.(string)))
		}
		if failed != nil {
			err = failed
		}
	}
	if len(addresses) > 0 {
		err = nil
	}
	return addresses, err
}

func (d suiteDNS) LookupAddr(_ context.Context, address string) (names []string, err error) {
	found, err := d.find(reverseName(netip.MustParseAddr(address)), "PTR")
	for _, v := range found {
		names = append(names, v.(string)+".")
	}
	return names, err
}

// reverseName is the name in DNS of an address (RFC 1035, section 3.5, and RFC
// 3596, section 2.5).
func reverseName(a netip.Addr) string {
	var labels []string
	if a.Is4() {
		for _, b := range a.As4() {
			labels = append(labels, strconv.Itoa(int(b)))
		}
	} else {
		for _, b := range a.As16() {
			labels = append(labels, strconv.FormatInt(int64(b>>4), 16), strconv.FormatInt(int64(b&15), 16))
		}
	}
	slices.Reverse(labels)
	if a.Is4() {
		return strings.Join(labels, ".") + ".in-addr.arpa"
	}
	return strings.Join(labels, ".") + ".ip6.arpa"
}

// TestSPFSuite runs the suite of RFC 7208, where it is, through our resolver.
func TestSPFSuite(t *testing.T) {
	dir := corpora(t, "spf-suites")
	right, all := 0, 0
	for _, document := range readYAML(t, dir+"/rfc7208-tests.yml") {
		d := document.(map[string]any)
		z := suiteDNS{}
		for name, records := range d["zonedata"].(map[string]any) {
			list, _ := records.([]any)
			z[strings.ToLower(name)] = list
		}
		tests := d["tests"].(map[string]any)
		for _, name := range slices.Sorted(maps.Keys(tests)) {
			test := tests[name].(map[string]any)
			want, ok := test["result"].([]any)
			if !ok {
				want = []any{test["result"]}
			}
			from, _ := test["mailfrom"].(string)
			helo, _ := test["helo"].(string)
			v := Verifier{DNS: NewResolver(z, "")}
			client := gateway.Client{Addr: netip.MustParseAddr(test["host"].(string)), Helo: helo}
			got := v.checkSPF(t.Context(), client, gateway.ReversePath(from))
			if all++; slices.Contains(want, any(got)) {
				right++
			} else {
				t.Errorf("%s: %s, want %s: %v", name, got, want, test["description"])
			}
		}
	}
	t.Logf("%d of %d", right, all)
}

// TestSPF holds that nothing is said of an unknown client, and what is said of
// a known one.
func TestSPF(t *testing.T) {
	z := suiteDNS{"example.com": {map[string]any{"TXT": "v=spf1 ip4:192.0.2.0/24 -all"}}, "mx.example.com": {map[string]any{"TXT": "v=spf1 a -all"}, map[string]any{"A": "192.0.2.9"}}, "away.example": {"TIMEOUT"}}
	z["xn--bcher-kva.example"] = z["example.com"]
	for _, c := range []struct {
		client string
		from   gateway.ReversePath
		want   string
	}{
		{"", "anne@example.com", ""},
		{"192.0.2.1", "anne@example.com", Pass},
		{"::ffff:192.0.2.1", "anne@example.com", Pass},
		{"198.51.100.1", "anne@example.com", Fail},
		{"192.0.2.9", "", Pass}, // of HELO
		{"192.0.2.1", "", Fail},
		{"192.0.2.1", "anne@away.example", TempError},
		{"192.0.2.1", "anne@none.example", None},
		{"192.0.2.1", "anne@bücher.example", Pass},
		{"192.0.2.1", "anne@b\xfccher.example", None},
	} {
		client := gateway.Client{Helo: "mx.example.com"}
		if c.client != "" {
			client.Addr = netip.MustParseAddr(c.client)
		}
		v := Verifier{DNS: NewResolver(z, "")}
		if got := v.checkSPF(t.Context(), client, c.from); got != c.want {
			t.Errorf("%s of %s: %q, want %q", c.from, c.client, got, c.want)
		}
	}
}
