package main

import (
	"errors"
	"strings"

	"github.com/mmgw/mmgw/sdk"
	"github.com/mmgw/mmgw/sdk/wire"
	"github.com/mmgw/mmgw/sdk/writer"
)

// fileMode suits qmail-local, which runs as the user and refuses files that
// others may write.
const fileMode = 0o644

// prefix makes the local user that qmail maps a domain to. users/assign takes
// it off again, so that $EXT is the plain local part.
const prefix = "mmgw-"

func render(inv *sdk.Inventory) error {
	instruction, err := instruction(inv)
	if err != nil {
		return err
	}
	domains, err := domains(inv)
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
	return forwards(inv, instruction)
}

// instruction is the line that delivers a message to mmgw.
func instruction(inv *sdk.Inventory) (string, error) {
	target, err := writer.LMTP(inv)
	if err != nil {
		return "", err
	}
	if target.Host == "" {
		return "", errors.New("qmail delivers by TCP: [mta] lmtp_advertise needs a host and a port")
	}
	command := inv.Config("mmgw_command")
	if command == "" {
		command = "/usr/bin/mmgw"
	}
	host := target.Host
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	return "| " + command + " qmail-lmtp " + host + ":" + target.Port + "\n", nil
}

// domains are all domains, list and forward and alias.
func domains(inv *sdk.Inventory) ([]string, error) {
	var domains []string
	for row := range inv.Table(wire.TableDomains).Rows {
		domain := row.Get("domain")
		if err := writer.Check(domain); err != nil {
			return nil, err
		}
		domains = append(domains, domain)
	}
	return domains, nil
}

func control(inv *sdk.Inventory, domains []string) error {
	virtual, err := inv.File("virtualdomains", fileMode)
	if err != nil {
		return err
	}
	for _, domain := range domains {
		virtual.WriteString(domain, ":", prefix, domain, "\n")
	}
	if err := virtual.Close(); err != nil {
		return err
	}
	hosts, err := inv.File("rcpthosts", fileMode)
	if err != nil {
		return err
	}
	for _, domain := range domains {
		hosts.WriteString(domain, "\n")
	}
	return hosts.Close()
}

// assign renders a wildcard assignment for each domain. The dot ends the file;
// where there is a users/assign already, the lines go in front of its dot.
func assign(inv *sdk.Inventory, domains []string) error {
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
	file, err := inv.File("assign", fileMode)
	if err != nil {
		return err
	}
	for _, domain := range domains {
		file.WriteString("+", prefix, domain, "-:", user, ":", uid, ":", gid, ":", home, domain, ":-::\n")
	}
	file.WriteString(".\n")
	return file.Close()
}

func isNumber(s string) bool { return strings.Trim(s, "0123456789") == "" }

// lists renders the instructions of each list, under its own domain and under
// its alias domain. The plus sign separates nothing for qmail, so that the
// -default file is what finds list-bounces+detail.
func lists(inv *sdk.Inventory, instruction string) error {
	for row := range inv.Table(wire.TableLists).Rows {
		local := writer.Lower(row.Get("local"))
		if err := writer.Check(local); err != nil {
			return err
		}
		name := ".qmail-" + strings.ReplaceAll(local, ".", ":")
		for _, domain := range []string{row.Get("domain"), row.Get("alias_domain")} {
			if domain == "" {
				continue
			}
			path := "home/" + domain + "/" + name
			if err := inv.WriteFile(path, fileMode, instruction); err != nil {
				return err
			}
			if err := inv.WriteFile(path+"-default", fileMode, instruction); err != nil {
				return err
			}
		}
	}
	return nil
}

// forwards renders one instruction for everything of a forward domain.
func forwards(inv *sdk.Inventory, instruction string) error {
	for row := range inv.Table(wire.TableDomains).Rows {
		if row.Get("kind") != "forward" {
			continue
		}
		if err := inv.WriteFile("home/"+row.Get("domain")+"/.qmail-default", fileMode, instruction); err != nil {
			return err
		}
	}
	return nil
}
