package main

import (
	"slices"
	"strings"

	"github.com/mmgw/mmgw/sdk/wire"
	"github.com/mmgw/mmgw/sdk/writer"
)

// settings renders the lines for main.cf, as a file and for people.
func (r *renderer) settings(target writer.Target) error {
	lines := r.lines(target)
	file, err := r.begin("postfix_main.cf", "the lines for main.cf")
	if err != nil {
		return err
	}
	for _, line := range lines {
		file.WriteString(line, "\n")
	}
	if err := file.Close(); err != nil {
		return err
	}
	dir := writer.Dir(r.inv)
	text := "Once, put these lines into main.cf; they are in " + dir + "/postfix_main.cf. Where one of\n" +
		"the settings is there already, have both values in it, with a comma between them.\n  " +
		strings.Join(lines, "\n  ") + "\nThen: postfix reload\n" +
		"Without relay_recipient_maps Postfix takes mail for unknown lists and bounces it later.\n" +
		"None of the domains may stand in mydestination or virtual_mailbox_domains as well.\n"
	if public := r.public(); public != "" {
		text += "The domains of lists with an alias domain, " + public + ", are\n" +
			"those that Postfix has in one of these two already, or else in virtual_alias_domains.\n"
	}
	return writer.ByHand(r.inv, text+r.later())
}

// lines are the settings. The network that may have Postfix make reverse-paths
// (XVERP) is the one that the gateway sends from: where it listens, or this
// machine.
func (r *renderer) lines(target writer.Target) []string {
	recipients := r.format.table("lmtp", "recipients")
	lines := []string{
		"recipient_delimiter = " + r.format.delimiter,
		"owner_request_special = no",
		"unknown_local_recipient_reject_code = 550",
		"transport_maps = " + r.format.table("lmtp", "transport"),
		"relay_domains = " + r.format.table("domains", "domains"),
		"relay_recipient_maps = " + recipients,
		"local_recipient_maps = proxy:unix:passwd.byname $alias_maps " + recipients,
		"virtual_alias_maps = " + r.format.table("vmap", "aliases"),
		"lmtp_send_xforward_command = yes",
		"smtpd_authorized_verp_clients = " + clients(target),
	}
	return lines
}

// clients is a pattern of Postfix for the host of a target.
func clients(t writer.Target) string {
	switch {
	case t.Host == "", strings.HasPrefix(t.Host, "127."), t.Host == "::1":
		return "127.0.0.0/8 [::1]/128"
	case strings.Contains(t.Host, ":"):
		return "[" + t.Host + "]"
	}
	return t.Host
}

// public are the domains of lists that Postfix knows by another one.
func (r *renderer) public() string {
	var names []string
	for row := range r.inv.Table(wire.TableDomains).Rows {
		if of := row.Get("alias_of"); of != "" && !slices.Contains(names, of) {
			names = append(names, of)
		}
	}
	return strings.Join(names, " ")
}

// later is what changes of lists need.
func (r *renderer) later() string {
	switch r.format.kind {
	case "socketmap":
		return "Later changes need nothing. While the gateway is down, Postfix defers mail, other mail too.\n"
	case "hash", "lmdb":
		return "Later changes need nothing: Postfix notices a table that was compiled anew.\n"
	}
	return "Postfix reads these tables when it starts: have reload_command = \"postfix reload\" in\n" +
		"[mta.configuration].\n"
}
