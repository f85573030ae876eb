package sandbox

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/mmgw/mmgw/sdk/wire"
)

// Resolver asks the DNS. The names that it is asked for end in a dot, so that no
// search list applies. What it returns is never changed here, so that it may
// return the same slices to others. *net.Resolver is one.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
	LookupTXT(ctx context.Context, name string) ([]string, error)
	LookupMX(ctx context.Context, name string) ([]*net.MX, error)
	LookupAddr(ctx context.Context, address string) ([]string, error)
}

// question is what a module asks.
type question struct {
	kind int32 // wire.DNSA, ...
	name string
}

// answer is the answer to a question: text, or a result below zero.
type answer struct {
	text   string
	result int64
}

// dnsState is what a call has asked of the DNS.
type dnsState struct {
	count  int           // questions that went to the resolver
	waited time.Duration // for the resolver, in all
	last   question
	answer answer // to last, for a module that asks again with a larger buffer
}

// dns(type, name, nlen, buf, cap) -> length
func (c *call) dns(a []uint64) int64 {
	if uint32(a[2]) > wire.DNSNameBytesMax+1 { // with a dot at the end
		return wire.BadArgument
	}
	q, ok := questionOf(int32(a[0]), c.text(a[1], a[2]))
	if !ok {
		return wire.BadArgument
	}
	if q != c.asked.last {
		c.asked.last, c.asked.answer = q, c.resolve(q)
	}
	if r := c.asked.answer.result; r < 0 {
		return r
	}
	return c.reply(c.asked.answer.text, a[3], a[4])
}

// questionOf checks a question and brings it to one form. A name is that of a host
// or, with "_", of a service. Anything else is refused, since resolvers disagree on
// what it means. PTR takes an address.
func questionOf(kind int32, name string) (question, bool) {
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	switch kind {
	case wire.DNSPTR:
		address, err := netip.ParseAddr(name)
		if err != nil || address.Zone() != "" {
			return question{}, false
		}
		return question{kind, address.Unmap().String()}, true
	case wire.DNSA, wire.DNSAAAA, wire.DNSTXT, wire.DNSMX:
		return question{kind, name + "."}, isDNSName(name)
	}
	return question{}, false
}

// isDNSName says whether a name consists of labels of letters, digits, hyphens
// and underscores, in the lengths of RFC 1035, section 2.3.4. A name whose last
// label is a number is refused: it is an IP address.
func isDNSName(name string) bool {
	if len(name) > wire.DNSNameBytesMax {
		return false
	}
	last := ""
	for last = range strings.SplitSeq(name, ".") {
		if last == "" || len(last) > 63 || strings.Trim(last, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return false
		}
	}
	return strings.Trim(last, "0123456789") != ""
}

// resolve answers a question from the cache, or asks the resolver.
func (c *call) resolve(q question) answer {
	if known, ok := c.plugin.host.dns.recall(q); ok {
		return known
	}
	room := min(dnsWaitMax, c.plugin.spec.Timeout/2) - c.asked.waited
	switch {
	case c.plugin.host.env.Resolver == nil:
		return answer{result: wire.Temporary}
	case c.asked.count >= DNSQuestionsMax:
		return answer{result: wire.Limit}
	case room <= 0:
		return answer{result: wire.Temporary}
	}
	c.asked.count++
	start := time.Now()
	patience := min(room, dnsQuestionMax, c.deadline-now())
	ctx, cancel := context.WithTimeout(c.Context, patience)
	defer cancel()
	found := ask(ctx, c.plugin.host.env.Resolver, q)
	c.asked.waited += time.Since(start)
	c.checkTime()
	if found.result != wire.Temporary || patience == dnsQuestionMax { // a failure for lack of this call's time says nothing to others
		c.plugin.host.dns.keep(q, found)
	}
	return found
}

// ask asks the resolver a question.
func ask(ctx context.Context, r Resolver, q question) answer {
	var lines []string
	var err error
	switch q.kind {
	case wire.DNSA:
		lines, err = addresses(r.LookupNetIP(ctx, "ip4", q.name))
	case wire.DNSAAAA:
		lines, err = addresses(r.LookupNetIP(ctx, "ip6", q.name))
	case wire.DNSTXT:
		lines, err = r.LookupTXT(ctx, q.name)
	case wire.DNSMX:
		lines, err = exchangers(r.LookupMX(ctx, q.name))
	case wire.DNSPTR:
		lines, err = hosts(r.LookupAddr(ctx, q.name))
	}
	if len(lines) == 0 {
		return answer{result: dnsResult(err)}
	}
	return joined(lines)
}

// dnsResult is the result of a question that found no record.
func dnsResult(err error) int64 {
	var failed *net.DNSError
	var none *net.AddrError // the name has addresses of the other family alone
	switch {
	case err == nil, errors.As(err, &none), errors.As(err, &failed) && failed.IsNotFound:
		return wire.NotFound
	}
	return wire.Temporary
}

func addresses(found []netip.Addr, err error) (lines []string, _ error) {
	for _, address := range found {
		lines = append(lines, address.Unmap().String())
	}
	slices.Sort(lines)
	return slices.Compact(lines), err
}

func exchangers(found []*net.MX, err error) (lines []string, _ error) {
	found = slices.Clone(found)
	slices.SortStableFunc(found, func(a, b *net.MX) int { return cmp.Compare(a.Pref, b.Pref) })
	for _, mx := range found {
		host := strings.TrimSuffix(mx.Host, ".")
		if host == "" {
			host = "." // the null MX of RFC 7505
		}
		lines = append(lines, fmt.Sprintf("%d %s", mx.Pref, host))
	}
	return lines, err
}

func hosts(found []string, err error) (lines []string, _ error) {
	for _, host := range found {
		lines = append(lines, strings.TrimSuffix(host, "."))
	}
	return lines, err
}

// joined is an answer with one record per line. A control character, which only
// a TXT record can have, becomes "?", so that a record stays one line.
func joined(records []string) answer {
	lines := make([]string, len(records)) // the records are the resolver's
	for i, record := range records {
		lines[i] = strings.Map(func(r rune) rune {
			if r < ' ' || r == 0x7f {
				return '?'
			}
			return r
		}, record)
	}
	text := strings.Join(lines, "\n")
	if len(text) > DNSAnswerBytesMax {
		return answer{result: wire.Limit}
	}
	return answer{text: text}
}
