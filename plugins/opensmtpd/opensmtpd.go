package main

import (
	"strings"

	"github.com/mmgw/mmgw/sdk"
	"github.com/mmgw/mmgw/sdk/writer"
)

const notice = "# mmgw renders this file from its lists and forgets changes made here.\n"

func render(inv *sdk.Inventory) error {
	target, err := writer.LMTPByTCP(inv, "OpenSMTPD")
	if err != nil {
		return err
	}
	domains, err := writer.Domains(inv)
	if err != nil {
		return err
	}
	if err := domainTable(inv, domains); err != nil {
		return err
	}
	if err := recipients(inv, domains); err != nil {
		return err
	}
	settings := strings.ReplaceAll(strings.ReplaceAll(settings, "DIR", writer.Dir(inv)), "TARGET", target.Address())
	if delimiter := writer.Delimiter(inv); delimiter != "+" {
		settings = "smtp sub-addr-delim \"" + delimiter + "\"\n" + settings
	}
	if err := inv.WriteFile("opensmtpd.conf", writer.FileMode, notice+settings); err != nil {
		return err
	}
	return writer.ByHand(inv, strings.ReplaceAll(byHand, "DIR", writer.Dir(inv)))
}

func domainTable(inv *sdk.Inventory, domains []writer.Domain) error {
	file, err := inv.File("opensmtpd_domains", writer.FileMode)
	if err != nil {
		return err
	}
	file.WriteString(notice)
	for _, d := range domains {
		file.WriteString(d.Name, "\n")
	}
	return file.Close()
}

func recipients(inv *sdk.Inventory, domains []writer.Domain) error {
	file, err := inv.File("opensmtpd_recipients", writer.FileMode)
	if err != nil {
		return err
	}
	file.WriteString(notice)
	for _, d := range domains {
		if d.Forward {
			file.WriteString("@", d.Name, "\n")
		}
	}
	if err := writer.Addresses(inv, func(address string) { file.WriteString(address, "\n") }); err != nil {
		return err
	}
	return file.Close()
}

// settings relay by LMTP. OpenSMTPD's other way, mail.lmtp, takes a refusal for
// something that may pass, and tries for days.
const settings = `table mmgw_domains file:DIR/opensmtpd_domains
table mmgw_recipients file:DIR/opensmtpd_recipients
action "mmgw" relay host "lmtp://TARGET"
match from any for rcpt-to <mmgw_recipients> action "mmgw"
match from any for domain <mmgw_domains> reject
`

const byHand = `In smtpd.conf, in front of all match lines, once:
  include "DIR/opensmtpd.conf"
and in mmgw.toml, as OpenSMTPD loses replies that come in one packet:
  [lmtp]
  reply_pause = "20ms"
  [mta.configuration]
  reload_command = "smtpctl update table mmgw_domains && smtpctl update table mmgw_recipients"
Then: mmgw mta apply, smtpd -n, and restart OpenSMTPD. Later changes need no more than that
command, which only root may run: where the gateway is another user, allow it by doas or sudo.
`
