package main

import (
	"strings"

	"github.com/mmgw/mmgw/sdk"
	"github.com/mmgw/mmgw/sdk/wire"
	"github.com/mmgw/mmgw/sdk/writer"
)

// fileMode lets Exim read what it needs to verify recipients.
const fileMode = 0o644

const notice = "# mmgw renders this file from its lists and forgets changes made here.\n"

func render(inv *sdk.Inventory) error {
	target, err := writer.LMTP(inv)
	if err != nil {
		return err
	}
	if err := receipts(inv); err != nil {
		return err
	}
	macros, err := macros(inv)
	if err != nil {
		return err
	}
	delimiter := inv.Gateway().Get("verp_delimiter")
	if delimiter == "" {
		delimiter = "+"
	}
	for _, file := range [][2]string{
		{"conf.d/main/25_mmgw_macros", macros},
		{"conf.d/router/175_mmgw", strings.ReplaceAll(routers, "DELIMITER", delimiter)},
		{"conf.d/router/176_mmgw_unknown", unknown},
		{"conf.d/transport/55_mmgw", transport(target)},
	} {
		if err := inv.WriteFile(file[0], fileMode, notice+file[1]); err != nil {
			return err
		}
	}
	return nil
}

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
			if err := inv.WriteFile("lists/"+name+"/mmgw", fileMode, "mmgw takes mail for this list.\n"); err != nil {
				return err
			}
		}
	}
	return nil
}

// macros renders the domains of lists, alias domains among them, those of
// forward routes, and where the receipts are.
func macros(inv *sdk.Inventory) (string, error) {
	var lists, forwards []string
	for row := range inv.Table(wire.TableDomains).Rows {
		domain := row.Get("domain")
		if err := writer.Check(domain); err != nil {
			return "", err
		}
		if row.Get("kind") == "forward" {
			forwards = append(forwards, domain)
		} else {
			lists = append(lists, domain)
		}
	}
	return "# Its domains belong into dc_relay_domains as well.\n" +
		"domainlist mm_domains = " + strings.Join(lists, " : ") + "\n" +
		"domainlist mmgw_forward_domains = " + strings.Join(forwards, " : ") + "\n" +
		"MMGW_LISTS = " + inv.Gateway().Get("mta_dir") + "/lists\n", nil
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
