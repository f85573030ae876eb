package main

import (
	"strings"

	"github.com/mmgw/mmgw/sdk"
	"github.com/mmgw/mmgw/sdk/writer"
)

const notice = "mmgw renders this file from its lists and forgets changes made here.\n"

func render(inv *sdk.Inventory) error {
	target, err := writer.LMTPByTCP(inv, "Sendmail")
	if err != nil {
		return err
	}
	domains, err := writer.Domains(inv)
	if err != nil {
		return err
	}
	if err := mailertable(inv, domains, target); err != nil {
		return err
	}
	if err := access(inv, domains); err != nil {
		return err
	}
	if err := relayed(inv, domains); err != nil {
		return err
	}
	dir := writer.Dir(inv)
	if err := inv.WriteFile("sendmail_features.m4", writer.FileMode, "dnl "+notice+strings.ReplaceAll(features, "DIR", dir)); err != nil {
		return err
	}
	mailer := strings.ReplaceAll(strings.ReplaceAll(mailer, "DIR", dir), "PORT", target.Port)
	if err := inv.WriteFile("sendmail_mailer.m4", writer.FileMode, "dnl "+notice+mailer); err != nil {
		return err
	}
	return writer.ByHand(inv, strings.ReplaceAll(byHand, "DIR", dir))
}

// mailertable renders the way of each domain. Brackets keep Sendmail from asking
// for MX records.
func mailertable(inv *sdk.Inventory, domains []writer.Domain, t writer.Target) error {
	file, err := inv.File("sendmail_mailertable", writer.FileMode)
	if err != nil {
		return err
	}
	host := t.Host
	if strings.Contains(host, ":") {
		host = "IPv6:" + host
	}
	file.WriteString("# ", notice)
	for _, d := range domains {
		file.WriteString(d.Name, "\tmmgw:[", host, "]\n")
	}
	return file.Close()
}

// access renders what RCPT is answered: Sendmail asks for the address before it
// asks for the domain.
func access(inv *sdk.Inventory, domains []writer.Domain) error {
	file, err := inv.File("sendmail_access", writer.FileMode)
	if err != nil {
		return err
	}
	file.WriteString("# ", notice)
	for _, d := range domains {
		if d.Forward {
			file.WriteString("To:", d.Name, "\tRELAY\n")
		} else {
			file.WriteString("To:", d.Name, "\tERROR:5.1.1:550 no such list\n")
		}
	}
	err = writer.Addresses(inv, func(address string) { file.WriteString("To:", address, "\tRELAY\n") })
	if err != nil {
		return err
	}
	return file.Close()
}

// relayed renders class R. It takes no comments.
func relayed(inv *sdk.Inventory, domains []writer.Domain) error {
	file, err := inv.File("sendmail_domains", writer.FileMode)
	if err != nil {
		return err
	}
	for _, d := range domains {
		file.WriteString(d.Name, "\n")
	}
	return file.Close()
}

const features = "FEATURE(`mailertable', `hash -o DIR/sendmail_mailertable')dnl\n" +
	"FEATURE(`access_db', `hash -T<TMPF> DIR/sendmail_access')dnl\n" +
	"FEATURE(`blocklist_recipients')dnl\n"

// mailer speaks LMTP by TCP (F=z, P=[IPC]), leaves local parts and host names as
// they are (u, h) and takes 8 bits (8) and many recipients (m).
const mailer = "LOCAL_CONFIG\n" +
	"FR-o DIR/sendmail_domains\n" +
	"MAILER_DEFINITIONS\n" +
	"Mmmgw,\tP=[IPC], F=mDFMuhXz8, S=EnvFromSMTP/HdrFromSMTP, R=EnvToSMTP, E=\\r\\n,\n" +
	"\tL=990, T=DNS/RFC822/SMTP, A=TCP $h PORT\n"

const byHand = "In sendmail.mc, in front of its MAILER lines, once:\n" +
	"  include(`DIR/sendmail_features.m4')dnl\n" +
	"and at its end:\n" +
	"  include(`DIR/sendmail_mailer.m4')dnl\n" +
	"Have the maps compiled after each change, by this line in [mta.configuration]:\n" +
	"  reload_command = \"cd DIR && makemap hash sendmail_mailertable <sendmail_mailertable && makemap hash sendmail_access <sendmail_access\"\n" +
	"Then: mmgw mta apply, make sendmail.cf anew (on Debian: make -C /etc/mail) and restart Sendmail.\n" +
	"Later changes of lists need nothing else; a new domain needs a SIGHUP to Sendmail.\n" +
	"Where sendmail.mc has a mailertable or an access_db already, leave the first line out, and have\n" +
	"makemap read both texts: cat /etc/mail/access DIR/sendmail_access | makemap hash /etc/mail/access\n"
