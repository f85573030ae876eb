package check

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/mta/lookup"
)

// mainCFLines is the file of ours that has the lines for main.cf.
const mainCFLines = "postfix_main.cf"

// postfix compares what Postfix has with what the writer says it should have,
// and asks the tables that it names.
func (s *Site) postfix(ctx context.Context) []Finding {
	text, err := run(ctx, s.Postconf, "-x")
	if err != nil {
		return []Finding{{
			Finding: fmt.Sprintf("postconf cannot be run, so no setting of Postfix was looked at: %v", err),
			Fix:     "install Postfix, or have postmap_command in [mta.configuration] name a postmap that has a postconf beside it",
		}}
	}
	have := parsePostconf(text)
	have.readMainCF()
	var found []Finding
	var tables []string
	for _, f := range s.Files {
		if f.Path != mainCFLines {
			continue
		}
		for _, wanted := range parseMainCF(string(f.Data)) {
			found = append(found, s.setting(have, wanted)...)
			if wanted.name == "transport_maps" || wanted.name == "relay_recipient_maps" {
				tables = append(tables, words(wanted.value)...)
			}
		}
	}
	found = append(found, s.conflicts(ctx, have)...)
	found = append(found, newlines(have)...)
	found = append(found, s.chroot(ctx, have)...)
	slices.Sort(tables)
	return append(found, s.tables(ctx, slices.Compact(tables))...)
}

// consequences say what a setting that is not as it should be leads to.
var consequences = map[string]string{
	"recipient_delimiter":                 "so that bounces and confirmations are refused",
	"owner_request_special":               "so that -owner and -request addresses are taken for something else",
	"unknown_local_recipient_reject_code": "so that mail for unknown addresses stays in queues",
	"transport_maps":                      "so that mail for lists does not reach the gateway",
	"relay_domains":                       "so that mail for the lists' domains is refused",
	"relay_recipient_maps":                "so that mail for unknown lists is taken and bounced later",
	"virtual_alias_maps":                  "so that lists with an alias domain are not found",
	"lmtp_send_xforward_command":          "so that handlers and SPF do not learn which client a message came from",
	"smtpd_authorized_verp_clients":       "so that the gateway must send each copy by itself",
}

// setting compares one setting.
func (s *Site) setting(have settings, wanted setting) []Finding {
	value, known := have.effective[wanted.name]
	if !known {
		return nil
	}
	tell := func(text, line string) []Finding {
		text = fmt.Sprintf("%s %s, %s", wanted.name, text, consequences[wanted.name])
		return []Finding{have.finding(strings.TrimSuffix(text, ", "), wanted.name, line)}
	}
	switch {
	case wanted.name == "recipient_delimiter": // a set of characters since Postfix 2.11
		if !strings.Contains(value, wanted.value) {
			return tell(fmt.Sprintf("is %q", value), value+wanted.value)
		}
	case wanted.name == "smtpd_authorized_verp_clients":
		if value == "" {
			return tell("is empty", wanted.value)
		}
	case strings.HasSuffix(wanted.name, "_maps"), strings.HasSuffix(wanted.name, "_domains"):
		missing, stale := s.tablesOf(value, wanted)
		switch line := have.with(wanted.name, missing, stale); {
		case len(missing) > 0 && len(stale) == 0:
			return tell("lacks "+strings.Join(missing, " "), line)
		case len(stale) > 0:
			text := fmt.Sprintf("%s has %s, which mmgw does not keep, so that Postfix defers mail", wanted.name, strings.Join(stale, " "))
			return []Finding{have.finding(text, wanted.name, line)}
		}
	case value != wanted.value:
		return tell(fmt.Sprintf("is %q", value), wanted.value)
	}
	return nil
}

// tablesOf are those that a value lacks, and those of our directory that it has
// from another type of tables. local_recipient_maps may lack any: it is not asked
// for domains of relay_domains, but must not become empty. Those of
// virtual_alias_maps only matter where a list has an alias domain.
func (s *Site) tablesOf(value string, wanted setting) (missing, stale []string) {
	list, ours := words(value), words(wanted.value)
	for _, table := range list {
		if strings.Contains(table, ":"+s.Tree.Dir+"/") && !slices.Contains(ours, strings.TrimPrefix(table, "proxy:")) {
			stale = append(stale, table)
		}
	}
	optional := wanted.name == "local_recipient_maps" || wanted.name == "virtual_alias_maps" && !s.hasAliases()
	if optional && len(stale) == 0 {
		return nil, nil
	}
	return slices.DeleteFunc(slices.Clone(ours), func(w string) bool { return has(list, w) }), stale
}

func (s *Site) hasAliases() bool {
	for _, l := range s.Lists {
		if l.AliasDomain != "" && l.AliasDomain != l.Address.Domain() {
			return true
		}
	}
	return false
}

// classes are the settings by which a domain is of another address class than
// that of relay_domains, and the first one counts.
var classes = []string{"mydestination", "virtual_alias_domains", "virtual_mailbox_domains"}

// conflicts finds domains that Postfix has as its own as well.
func (s *Site) conflicts(ctx context.Context, have settings) (found []Finding) {
	const where = "so that Postfix looks for its addresses elsewhere than at the gateway"
	for _, class := range classes {
		for _, element := range words(have.effective[class]) {
			switch {
			case slices.Contains(s.Domains, element):
				found = append(found, have.finding(fmt.Sprintf("%s has %s, %s", class, element, where), class, have.without(class, element)))
			case isTable(element) && !strings.Contains(element, s.Tree.Dir):
				for _, domain := range s.inTable(ctx, element) {
					found = append(found, Finding{
						Finding: fmt.Sprintf("%s has %s in %s, %s", class, domain, element, where),
						File:    tableFile(element), Fix: "take " + domain + " out of it",
					})
				}
			}
		}
	}
	return found
}

// inTable are the domains of ours that a table has. One that cannot be asked is
// left to who made it.
func (s *Site) inTable(ctx context.Context, table string) []string {
	answers, err := runWith(ctx, strings.Join(s.Domains, "\n")+"\n", s.Postmap, "-q", "-", table)
	if err != nil {
		return nil
	}
	var domains []string
	for line := range strings.Lines(answers) {
		domain, _, _ := strings.Cut(line, "\t")
		domains = append(domains, gateway.Printable(strings.TrimSpace(domain)))
	}
	return domains
}

// isTable says whether an element of a list is a table, "hash:/etc/postfix/x".
func isTable(element string) bool { return strings.Contains(element, ":") }

// tableFile is the file of a table, "" where it has none.
func tableFile(table string) string {
	kind, path, _ := strings.Cut(strings.TrimPrefix(table, "proxy:"), ":")
	if kind == "socketmap" || kind == "tcp" || !filepath.IsAbs(path) {
		return ""
	}
	return path
}

// newlines warns of SMTP smuggling: a message that hides a second one after a
// bare newline, which the next hop reads as two (CVE-2023-51764).
func newlines(have settings) []Finding {
	const name = "smtpd_forbid_bare_newline"
	switch value, known := have.effective[name]; {
	case !known:
		return []Finding{{
			Finding: "this Postfix cannot refuse bare newlines, so that strangers can smuggle messages past its checks",
			File:    have.mainCF, Fix: "update Postfix, or: smtpd_data_restrictions = reject_unauth_pipelining",
		}}
	case value == "no":
		return []Finding{have.finding(name+" is \"no\", so that strangers can smuggle messages past its checks", name, "normalize")}
	}
	return nil
}

// chroot finds Unix sockets that a service in a chroot cannot see.
func (s *Site) chroot(ctx context.Context, have settings) (found []Finding) {
	text, err := run(ctx, s.Postconf, "-F", "*/*/chroot")
	if err != nil {
		return nil // a version without -F
	}
	jailed := parsePostconf(text).effective
	queue := have.effective["queue_directory"]
	for _, c := range []struct {
		Endpoint
		service string
	}{{s.LMTP, "lmtp/unix"}, {s.Lookup, "smtp/inet"}, {s.Lookup, "rewrite/unix"}} {
		if c.Network != "unix" || jailed[c.service+"/chroot"] != "y" || strings.HasPrefix(c.Address, queue+"/") {
			continue
		}
		name, kind, _ := strings.Cut(c.service, "/")
		found = append(found, Finding{
			Finding: fmt.Sprintf("the service %s runs in a chroot and cannot see %s", name, c.Address),
			File:    filepath.Join(filepath.Dir(have.mainCF), "master.cf"),
			Fix:     fmt.Sprintf("postconf -F %s/%s/chroot=n && postfix reload", name, kind),
		})
	}
	return found
}

// tables asks each of ours for addresses of some lists.
func (s *Site) tables(ctx context.Context, tables []string) (found []Finding) {
	hop := lookup.PostfixNextHop(s.LMTP.Address, "")
	if s.LMTP.Network == "unix" {
		hop = lookup.PostfixNextHop("", s.LMTP.Address)
	}
	for _, table := range tables {
		for _, one := range s.samples() {
			answer, err := run(ctx, s.Postmap, "-q", one.posting, table)
			if answer = strings.TrimSpace(answer); answer == hop {
				continue
			}
			f := Finding{
				Finding: fmt.Sprintf("%s has no transport for %s", table, one.posting), File: tableFile(table), Fix: applyFix,
			}
			if answer != "" {
				f.Finding = fmt.Sprintf("%s sends %s to %s, and the gateway is at %s", table, one.posting, answer, hop)
			} else if _, silent := err.(*exec.ExitError); err != nil && !silent {
				f.Finding = fmt.Sprintf("%s cannot be asked: %v", table, err)
			}
			if f.File == "" {
				f.Fix = "start `mmgw serve` with listen in [lookup] as Postfix has it"
			}
			found = append(found, f)
			break
		}
	}
	return found
}
