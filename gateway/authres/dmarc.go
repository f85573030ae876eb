package authres

import (
	"context"
	"errors"
	"strings"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/internal/charset"
)

// dmarcQuestionsMax bounds the steps of a tree walk (RFC 9989, section 4.10).
const dmarcQuestionsMax = 8

// policyBytesMax bounds a policy record. The longest honest ones, with many
// addresses for reports, have some hundred octets.
const policyBytesMax = 4 << 10

// policy is a policy record of RFC 9989, section 4.7, as far as it matters to
// a receiver that sends no reports.
type policy struct {
	domain      string // where it was found
	p, sp, np   string // none, quarantine or reject; sp and np may be ""
	psd         byte   // 'y', 'n' or 'u'
	strictDKIM  bool
	strictSPF   bool
	testing     bool
	unspecified bool // it has neither a policy nor an address for reports
}

// parsePolicy reads one TXT record, and returns false if it is not one of DMARC. It
// ignores unknown tags and values. If a policy in the record is not valid it takes all
// of them for p=none, or unspecified without an address for reports.
func parsePolicy(record, domain string) (policy, bool) {
	version, rest, _ := strings.Cut(record, ";")
	name, value, _ := strings.Cut(version, "=")
	if len(record) > policyBytesMax || strings.TrimSpace(name) != "v" || strings.TrimSpace(value) != "DMARC1" {
		return policy{}, false
	}
	tags := map[string]string{}
	for spec := range strings.SplitSeq(rest, ";") {
		name, value, _ := strings.Cut(spec, "=")
		name = strings.ToLower(strings.TrimSpace(name))
		if _, twice := tags[name]; !twice {
			tags[name] = strings.ToLower(strings.TrimSpace(value))
		}
	}
	r := policy{
		domain: domain, p: tags["p"], sp: tags["sp"], np: tags["np"], psd: 'u',
		strictDKIM: tags["adkim"] == "s", strictSPF: tags["aspf"] == "s", testing: tags["t"] == "y",
	}
	if psd := tags["psd"]; psd == "y" || psd == "n" {
		r.psd = psd[0]
	}
	if !isPolicy(r.p) || r.sp != "" && !isPolicy(r.sp) || r.np != "" && !isPolicy(r.np) {
		r.unspecified = r.p != "" && !strings.Contains(tags["rua"], ":")
		r.p, r.sp, r.np = None, "", ""
	}
	return r, true
}

func isPolicy(p string) bool { return p == None || p == "quarantine" || p == "reject" }

// policyAt is the policy record of a domain, nil if there is none. If there are
// several, none of them counts.
func (v *Verifier) policyAt(ctx context.Context, domain string) (*policy, error) {
	records, err := v.dns().LookupTXT(ctx, "_dmarc."+domain+".")
	if isNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var found *policy
	for _, record := range records {
		p, ok := parsePolicy(record, domain)
		if !ok {
			continue
		}
		if found != nil {
			return nil, nil
		}
		found = &p
	}
	return found, nil
}

// treeWalk asks for the policy records from domain upwards (RFC 9989, section 4.10).
// It asks at most eight times, and ends at a record that has the tag psd.
func (v *Verifier) treeWalk(ctx context.Context, domain string) (records []*policy, err error) {
	labels := strings.Split(domain, ".")
	for range dmarcQuestionsMax {
		name := strings.Join(labels, ".")
		found, err := v.policyAt(ctx, name)
		if err != nil {
			return nil, err
		}
		if found != nil {
			records = append(records, found)
			if found.psd != 'u' {
				break
			}
		}
		if len(labels) == 1 {
			break
		}
		labels = labels[1:]
		if surplus := len(labels) - (dmarcQuestionsMax - 1); surplus > 0 {
			labels = labels[surplus:]
		}
	}
	return records, nil
}

// organizational is the Organizational Domain of domain, by the records of its
// tree walk (RFC 9989, section 4.10.2).
func organizational(domain string, records []*policy) string {
	shortest := domain
	for i, r := range records {
		switch {
		case r.psd == 'n':
			return r.domain
		case r.psd == 'y' && r.domain != domain:
			below := strings.TrimSuffix(domain, "."+r.domain)
			return below[strings.LastIndexByte(below, '.')+1:] + "." + r.domain
		case i == 0 || len(r.domain) < len(shortest):
			shortest = r.domain
		}
	}
	return shortest
}

// policyFor is the record that applies to mail from the author's domain, nil for none,
// and the Organizational Domain (section 4.10.1).
func (v *Verifier) policyFor(ctx context.Context, author string) (*policy, string, error) {
	records, err := v.treeWalk(ctx, author)
	if err != nil {
		return nil, "", err
	}
	org := organizational(author, records)
	for _, wanted := range []string{author, org} {
		for _, r := range records {
			if r.domain == wanted {
				return r, org, nil
			}
		}
	}
	for _, r := range records {
		if r.psd == 'y' { // of a registry, about domains without a record
			return r, org, nil
		}
	}
	return nil, org, nil
}

// wanted is what a record asks to do with mail from the author's domain that is not
// authenticated (section 4.7, p, sp and np). A domain that is only testing (t) gets the
// next milder policy.
func (v *Verifier) wanted(ctx context.Context, r *policy, author string) string {
	want := r.p
	if r.domain != author {
		if r.sp != "" {
			want = r.sp
		}
		if r.np != "" && !v.exists(ctx, author) {
			want = r.np
		}
	}
	switch {
	case r.testing && want == "reject":
		return "quarantine"
	case r.testing:
		return None
	}
	return want
}

// exists says whether a domain has a mail server or an address. If DNS does not answer
// it is taken to exist.
func (v *Verifier) exists(ctx context.Context, domain string) bool {
	if _, err := v.dns().LookupMX(ctx, domain+"."); !isNotFound(err) {
		return true
	}
	_, err := v.dns().LookupNetIP(ctx, "ip", domain+".")
	return !isNotFound(err)
}

// checkDMARC evaluates RFC 9989 for the author's domain of header. The Result is "" if
// it is unknown: SPF could not be checked, and no signature is the author's.
func (v *Verifier) checkDMARC(ctx context.Context, header gateway.Header, spf, spfDomain string, dkim []gateway.DKIMResult) gateway.DMARCResult {
	ctx, cancel := context.WithTimeout(ctx, v.timeout())
	defer cancel()
	author, written, err := authorDomain(header)
	if err != nil {
		return gateway.DMARCResult{Result: PermError}
	}
	result := gateway.DMARCResult{Domain: written}
	record, org, err := v.policyFor(ctx, author)
	switch {
	case err != nil:
		result.Result = TempError
		return result
	case record == nil || record.unspecified:
		result.Result = None
		return result
	}
	result.Policy = v.wanted(ctx, record, author)
	result.Result = v.aligned(ctx, record, author, org, spf, spfDomain, dkim)
	return result
}

// aligned is the result by the identifiers that are authenticated (section 4.4). If one
// of them had a temporary error, and might be the author's, the result is not Fail but
// TempError.
func (v *Verifier) aligned(ctx context.Context, r *policy, author, org, spf, spfDomain string, dkim []gateway.DKIMResult) string {
	temporary := spf == TempError && v.isAligned(ctx, spfDomain, author, org, r.strictSPF)
	if spf == Pass && v.isAligned(ctx, spfDomain, author, org, r.strictSPF) {
		return Pass
	}
	for _, d := range dkim {
		if d.Result != Pass && d.Result != TempError || !v.isAligned(ctx, d.Domain, author, org, r.strictDKIM) {
			continue
		}
		if d.Result == Pass {
			return Pass
		}
		temporary = true
	}
	switch {
	case temporary:
		return TempError
	case spf == "":
		return ""
	}
	return Fail
}

// isAligned says whether an authenticated domain is aligned with the author's: it is
// the same, or unless strict of the same organisation (section 3.2.10).
func (v *Verifier) isAligned(ctx context.Context, domain, author, org string, strict bool) bool {
	domain, err := aLabels(strings.TrimSuffix(domain, "."))
	switch {
	case err != nil:
		return false
	case domain == author:
		return true
	case strict || checkDNSName(domain, "the domain") != nil:
		return false
	case domain != org && !strings.HasSuffix(domain, "."+org):
		return false
	}
	records, err := v.treeWalk(ctx, domain)
	return err == nil && organizational(domain, records) == org
}

// authorDomain is the one domain of all addresses in the one From field, in A-labels
// and as it is written there, both in lower case.
func authorDomain(header gateway.Header) (domain, written string, err error) {
	if header.Count("From") != 1 {
		return "", "", errors.New("there is not exactly one From field")
	}
	authors, err := charset.Addresses(header.Get("From"))
	if err != nil {
		return "", "", err
	}
	for i, a := range authors {
		one := strings.TrimSuffix(a.Address[strings.LastIndexByte(a.Address, '@')+1:], ".")
		ascii, err := aLabels(one)
		switch {
		case err != nil:
			return "", "", err
		case i == 0:
			domain, written = ascii, strings.ToLower(one)
		case ascii != domain:
			return "", "", errors.New("the authors have several domains")
		}
	}
	return domain, written, checkDNSName(domain, "the author's domain")
}
