package config

import (
	_ "embed"
	"strings"
)

// Names of the files that Example makes, which go into one directory.
const (
	ExampleFile        = "mmgw.toml"
	ExampleMembersFile = "announce.members"
)

//go:embed example.toml
var exampleText string

// exampleMembers is the members file of the example's list.
const exampleMembers = `# The members of announce@lists.example.com: one address per line.
# After a change: kill -HUP the gateway.
anne@example.com
Bart Person <bart@example.com>
`

// Example returns a commented configuration for a first gateway, and the members
// file of its list. mta is the plugin name of the writer, "" for postfix. The
// gateway keeps its state in the directory of the file and does not need root.
func Example(mta string) (file, membersFile string) {
	if mta == "" {
		mta = "postfix"
	}
	file = strings.ReplaceAll(exampleText, `"{{mta}}"`, basicString(mta))
	switch mta {
	case "opensmtpd":
		file += exampleOpenSMTPD
	case "qmail":
		file = strings.Replace(file, exampleReload, exampleReload+exampleQmail, 1)
	}
	return file, exampleMembers
}

// exampleQmail goes after exampleReload: the lines of qmail's users/assign name
// users by number.
const (
	exampleReload = "reload_command = \"\"\n"
	exampleQmail  = `# Who runs the delivery, by "id mmgw": without them there are no lines for users/assign.
#user = "mmgw"
#uid = 998
#gid = 998
`
)

// exampleOpenSMTPD is for OpenSMTPD, which takes the second of two replies in one
// packet for a failure, and sends that copy again.
const exampleOpenSMTPD = `
# Between the replies to the recipients of one message: OpenSMTPD needs it.
[lmtp]
reply_pause = "20ms"
`
