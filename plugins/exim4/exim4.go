package main

import (
	"strings"

	"github.com/mmgw/mmgw/sdk"
	"github.com/mmgw/mmgw/sdk/wire"
	"github.com/mmgw/mmgw/sdk/writer"
)

const notice = "# mmgw renders this file from its lists and forgets changes made here.\n"

func render(inv *sdk.Inventory) error {
	target, err := writer.LMTP(inv)
	if err != nil {
		return err
	}
	if err := receipts(inv); err != nil {
		return err
	}
	domains, err := writer.Domains(inv)
	if err != nil {
		return err
	}
	dir := writer.Dir(inv)
	for _, file := range [][2]string{
		{"conf.d/main/25_mmgw_macros", macros(dir, domains)},
		{"conf.d/router/175_mmgw", strings.ReplaceAll(routers, "DELIMITER", writer.Delimiter(inv))},
		{"conf.d/router/176_mmgw_unknown", unknown},
		{"conf.d/transport/55_mmgw", transport(target)},
	} {
		if err := inv.WriteFile(file[0], writer.FileMode, notice+file[1]); err != nil {
			return err
		}
	}
	return byHand(inv, dir, domains)
}

// byHand names the domains as Debian's dc_relay_domains does.
func byHand(inv *sdk.Inventory, dir string, domains []writer.Domain) error {
	var names []string
	for _, d := range domains {
		names = append(names, d.Name)
	}
	return writer.ByHand(inv, strings.ReplaceAll(strings.ReplaceAll(steps, "DIR", dir), "DOMAINS", strings.Join(names, " : ")))
}

const steps = `For Debian's split configuration, link the four snippets, once:
  ln -s DIR/conf.d/main/25_mmgw_macros /etc/exim4/conf.d/main/
  ln -s DIR/conf.d/router/175_mmgw DIR/conf.d/router/176_mmgw_unknown /etc/exim4/conf.d/router/
  ln -s DIR/conf.d/transport/55_mmgw /etc/exim4/conf.d/transport/
and add the domains to this line of /etc/exim4/update-exim4.conf.conf:
  dc_relay_domains='DOMAINS'
In a configuration of one file, have .include lines for the four in its main, routers and
transports sections, the routers in front of all others, and the domains in relay_to_domains.
Then: update-exim4.conf && systemctl reload exim4
Later changes of lists need nothing; a new domain needs that command again.
`

// receipts renders a folder for each list, under its own domain and under its
// alias domain. Exim compares local parts in lower case.
func receipts(inv *sdk.Inventory) error {
	for row := range inv.Table(wire.TableLists).Rows {
		local := writer.Lower(row.Get("local"))
		for _, domain := range []string{row.Get("domain"), row.Get("alias_domain")} {
			if domain == "" {
				continue
			}
			name := local + "." + writer.Lower(domain)
			if err := writer.Check(name); err != nil {
				return err
			}
			if err := inv.WriteFile("lists/"+name+"/mmgw", writer.FileMode, "mmgw takes mail for this list.\n"); err != nil {
				return err
			}
		}
	}
	return nil
}

// macros renders the domains of lists, alias domains among them, those of
// forward routes, and where the receipts are.
func macros(dir string, domains []writer.Domain) string {
	var lists, forwards []string
	for _, d := range domains {
		if d.Forward {
			forwards = append(forwards, d.Name)
		} else {
			lists = append(lists, d.Name)
		}
	}
	return "# Its domains belong into dc_relay_domains as well.\n" +
		"domainlist mm_domains = " + strings.Join(lists, " : ") + "\n" +
		"domainlist mmgw_forward_domains = " + strings.Join(forwards, " : ") + "\n" +
		"MMGW_LISTS = " + dir + "/lists\n"
}

// routers accept what belongs to a list, and all of a forward domain. dsearch
// looks for a name in one folder alone, so that no local part leads elsewhere,
// but defers where the name has a slash: details may have one, and are cut
// there. The second lookup is for a list that is called "dev-owner".
const routers = `mmgw_router:
  driver = accept
  domains = +mm_domains
  local_parts = ! ^.*/
  condition = ${lookup{${lc:$local_part.$domain}} dsearch,filter=dir {MMGW_LISTS}{yes}{${lookup{${sg{${lc:$local_part$local_part_suffix}}{/.*}{}}.$domain} dsearch,filter=dir {MMGW_LISTS}{yes}{no}}}}
  local_part_suffix_optional
  local_part_suffix = -bounces : -bouncesDELIMITER* : -confirm : -confirmDELIMITER* : -join : -leave : -owner : -request : -subscribe : -unsubscribe
  transport = mmgw_transport

mmgw_forward:
  driver = accept
  domains = +mmgw_forward_domains
  transport = mmgw_transport
`

// unknown ends the search for a list that is not there. A router that merely
// declines would leave the address to those behind it.
const unknown = `mmgw_unknown:
  driver = redirect
  domains = +mm_domains
  allow_fail
  data = :fail: unknown list
`

// transport hands everything to mmgw by LMTP, with the suffixes that the
// router took off.
func transport(t writer.Target) string {
	if t.Host == "" {
		return "mmgw_transport:\n" +
			"  driver = lmtp\n" +
			"  socket = " + t.Socket + "\n" +
			"  rcpt_include_affixes\n"
	}
	return "mmgw_transport:\n" +
		"  driver = smtp\n" +
		"  protocol = lmtp\n" +
		"  allow_localhost\n" +
		"  hosts = <; " + t.Host + "\n" +
		"  port = " + t.Port + "\n" +
		"  rcpt_include_affixes\n"
}
