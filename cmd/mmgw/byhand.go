package main

import (
	"strings"

	"github.com/mmgw/mmgw/gateway/config"
)

// steps are what an administrator does once, by the name of the writer. {dir} is
// the directory of the files, {type} the type of Postfix's tables, {lmtp} where
// the gateway listens.
var steps = map[string]string{
	"postfix": `In main.cf, beside what stands there already:
  recipient_delimiter = +
  owner_request_special = no
  transport_maps = {type}:{dir}/postfix_lmtp
  relay_domains = {type}:{dir}/postfix_domains
  relay_recipient_maps = {type}:{dir}/postfix_lmtp
  local_recipient_maps = proxy:unix:passwd.byname $alias_maps {type}:{dir}/postfix_lmtp
  virtual_alias_maps = {type}:{dir}/postfix_vmap
  lmtp_send_xforward_command = yes
Without relay_recipient_maps Postfix takes mail for unknown lists and bounces it later; without
the last line handlers and SPF do not learn which client a message came from.
Then: postfix reload. Later changes of lists need no reload with hash and lmdb tables. With
regexp and texthash they do: have reload_command = "postfix reload" in [mta.configuration].
`,
	"exim4": `For Debian's split configuration, link the four snippets, once:
  ln -s {dir}/conf.d/main/25_mmgw_macros /etc/exim4/conf.d/main/
  ln -s {dir}/conf.d/router/175_mmgw {dir}/conf.d/router/176_mmgw_unknown /etc/exim4/conf.d/router/
  ln -s {dir}/conf.d/transport/55_mmgw /etc/exim4/conf.d/transport/
Name the lists' domains in dc_relay_domains. Then: update-exim4.conf && systemctl reload exim4.
Later changes of lists need nothing; a new domain needs that line again.
`,
	"qmail": `Add the lines of {dir}/assign to users/assign, in front of its last one, and then: qmail-newu
Add those of {dir}/rcpthosts to control/rcpthosts, and of {dir}/virtualdomains to
control/virtualdomains; then send SIGHUP to qmail-send.
{dir}/home and what is below must not be writable by others.
qmail accepts mail for unknown lists and bounces it: nothing here can change that.
`,
	"null": `Have the MTA hand all mail for the lists' domains to {lmtp} by LMTP. Where it can
ask there at RCPT (a callout, address verification), have it do so: unknown lists get 550.
`,
}

// byHand is what is left to do for the administrator.
func byHand(cfg *config.Config, dir string) string {
	text, known := steps[cfg.MTA.Incoming]
	if !known {
		text = "Have the MTA read the files above, and hand mail for the lists to {lmtp} by LMTP.\n"
	}
	fileType, _ := cfg.MTA.Configuration["transport_file_type"].(string)
	switch fileType {
	case "":
		fileType = "hash"
	case "regex":
		fileType = "regexp"
	}
	lmtp := cfg.MTA.ListenAddress()
	if cfg.MTA.LMTPAdvertise.Network != "" {
		lmtp = cfg.MTA.LMTPAdvertise.String()
	}
	return strings.NewReplacer("{dir}", dir, "{type}", fileType, "{lmtp}", lmtp).Replace(text)
}
