package main

import (
	"errors"
	"slices"
	"strings"

	"github.com/mmgw/mmgw/sdk"
	"github.com/mmgw/mmgw/sdk/wire"
	"github.com/mmgw/mmgw/sdk/writer"
)

// prefix makes the local user that qmail maps a domain to. users/assign takes
// it off again, so that $EXT is the plain local part.
const prefix = "mmgw-"

func render(inv *sdk.Inventory) error {
	instruction, err := instruction(inv)
	if err != nil {
		return err
	}
	domains, err := writer.Domains(inv)
	if err != nil {
		return err
	}
	if err := control(inv, domains); err != nil {
		return err
	}
	if err := assign(inv, domains); err != nil {
		return err
	}
	if err := lists(inv, instruction); err != nil {
		return err
	}
	if err := forwards(inv, domains, instruction); err != nil {
		return err
	}
	return writer.ByHand(inv, strings.ReplaceAll(byHand, "DIR", writer.Dir(inv)))
}

// instruction is the line that delivers a message to mmgw.
func instruction(inv *sdk.Inventory) (string, error) {
	target, err := writer.LMTPByTCP(inv, "qmail")
	if err != nil {
		return "", err
	}
	command := inv.Config("mmgw_command")
	if command == "" {
		command = "/usr/bin/mmgw"
	}
	return "| " + command + " qmail-lmtp " + target.Address() + "\n", nil
}

func control(inv *sdk.Inventory, domains []writer.Domain) error {
	virtual, err := inv.File("virtualdomains", writer.FileMode)
	if err != nil {
		return err
	}
	for _, d := range domains {
		virtual.WriteString(d.Name, ":", prefix, d.Name, "\n")
	}
	if err := virtual.Close(); err != nil {
		return err
	}
	hosts, err := inv.File("rcpthosts", writer.FileMode)
	if err != nil {
		return err
	}
	for _, d := range domains {
		hosts.WriteString(d.Name, "\n")
	}
	return hosts.Close()
}

// assign renders a wildcard assignment for each domain. The dot ends the file;
// where there is a users/assign already, the lines go in front of its dot.
func assign(inv *sdk.Inventory, domains []writer.Domain) error {
	uid, gid := inv.Config("uid"), inv.Config("gid")
	if uid == "" || gid == "" {
		sdk.Log(sdk.Warn, "qmail: no users/assign without uid and gid in [mta.configuration]")
		return nil
	}
	if !isNumber(uid) || !isNumber(gid) {
		return errors.New("qmail: uid and gid in [mta.configuration] are numbers")
	}
	user := inv.Config("user")
	if user == "" {
		user = "mmgw"
	}
	home := inv.Gateway().Get("mta_dir") + "/home/"
	if strings.ContainsAny(user+home, ":\n\x00") {
		return errors.New("qmail: users/assign cannot hold a user or a folder with a colon in its name")
	}
	file, err := inv.File("assign", writer.FileMode)
	if err != nil {
		return err
	}
	for _, d := range domains {
		file.WriteString("+", prefix, d.Name, "-:", user, ":", uid, ":", gid, ":", home, d.Name, ":-::\n")
	}
	file.WriteString(".\n")
	return file.Close()
}

func isNumber(s string) bool { return strings.Trim(s, "0123456789") == "" }

// lists renders the instructions of each list, under its own domain and under
// its alias domain. The plus sign separates nothing for qmail, so that the
// -default file is what finds list-bounces+detail.
func lists(inv *sdk.Inventory, instruction string) error {
	defaults := calledDefault(inv)
	for row := range inv.Table(wire.TableLists).Rows {
		local := writer.Lower(row.Get("local"))
		if err := writer.Check(local); err != nil {
			return err
		}
		for _, domain := range []string{row.Get("domain"), row.Get("alias_domain")} {
			if domain == "" {
				continue
			}
			path := "home/" + domain + "/.qmail-" + strings.ReplaceAll(local, ".", ":")
			if err := inv.WriteFile(path, writer.FileMode, instruction); err != nil {
				return err
			}
			if slices.Contains(defaults, local+"-default@"+domain) {
				continue
			}
			if err := inv.WriteFile(path+"-default", writer.FileMode, instruction); err != nil {
				return err
			}
		}
	}
	return nil
}

// calledDefault are the lists whose file is the -default file of another one.
func calledDefault(inv *sdk.Inventory) []string {
	var found []string
	for row := range inv.Table(wire.TableLists).Rows {
		if local := writer.Lower(row.Get("local")); strings.HasSuffix(local, "-default") {
			found = append(found, local+"@"+row.Get("domain"), local+"@"+row.Get("alias_domain"))
		}
	}
	return found
}

// forwards renders one instruction for everything of a forward domain.
func forwards(inv *sdk.Inventory, domains []writer.Domain, instruction string) error {
	for _, d := range domains {
		if !d.Forward {
			continue
		}
		if err := inv.WriteFile("home/"+d.Name+"/.qmail-default", writer.FileMode, instruction); err != nil {
			return err
		}
	}
	return nil
}

const byHand = `Put the lines of DIR/assign into users/assign, in front of its last one, a dot,
and then: qmail-newu
Put those of DIR/rcpthosts into control/rcpthosts, and those of
DIR/virtualdomains into control/virtualdomains; then send SIGHUP to qmail-send.
DIR/home and what is below must not be writable by others.
Later changes of lists need nothing; a new domain needs all of it again.
qmail takes mail for unknown lists and bounces it: nothing here can change that.
`
