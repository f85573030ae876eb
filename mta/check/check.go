// Package check finds out whether an MTA really uses what mmgw writes for it:
// it asks the MTA's own programs, looks at the files as the MTA would, and tries
// a few recipients by SMTP without sending a message. Nothing is changed.
//
// What is found has the line to change beside it. Where a program is not there,
// or cannot be asked, that is a finding too: silence would look like health.
package check

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/mta"
)

// Finding is something that keeps mail from its way, or lets in what should
// stay out.
type Finding struct {
	Finding string `json:"finding"`
	File    string `json:"file"` // "" where it is no matter of a file
	Line    int    `json:"line"` // of File, from 1; 0 where no line says so yet
	Fix     string `json:"fix"`  // the line to write, or the command to run
}

// Site is a gateway and the MTA in front of it.
type Site struct {
	Writer    string         // [mta] incoming
	Tree      *mta.Tree      // where the files are
	Files     []gateway.File // as they should be
	FileType  string         // [mta.configuration] transport_file_type
	Delimiter string         // [verp] delimiter
	Lists     []gateway.List // that accept mail; some are tried
	Domains   []string       // by which the MTA knows lists and forward domains

	LMTP   Endpoint // where the MTA is told to deliver
	Lookup Endpoint // where it may ask; the zero value where it may not
	SMTP   string   // "host:port" where the MTA takes mail

	SocketGroup string // [lmtp] socket_group

	Postconf, Postmap, Exim []string // commands with their arguments
}

// Endpoint is a place to connect to, in the words of package net.
type Endpoint struct{ Network, Address string }

// Timeout is how long one question to a program or a server may take.
const Timeout = 20 * time.Second

// listsTried is how many lists are tried: what is wrong is so for all of a
// kind.
const listsTried = 3

// Run finds what it can. The order is that in which one would mend it.
func Run(ctx context.Context, s Site) []Finding {
	_, s.Files = mta.ByHand(s.Files)
	found := s.files()
	found = append(found, s.gateway(ctx)...)
	switch s.Writer {
	case "postfix":
		found = append(found, s.postfix(ctx)...)
	case "exim4", "exim":
		found = append(found, s.exim(ctx)...)
	}
	return append(found, s.probe(ctx)...)
}

// gateway tries what the MTA connects to.
func (s *Site) gateway(ctx context.Context) (found []Finding) {
	for _, at := range []struct {
		Endpoint
		name, key string
	}{
		{s.LMTP, "LMTP", "lmtp_advertise in [mta]"},
		{s.Lookup, "the lookup server", "listen in [lookup]"},
	} {
		if at.Network == "" {
			continue
		}
		dialer := net.Dialer{Timeout: Timeout}
		conn, err := dialer.DialContext(ctx, at.Network, at.Address)
		if err != nil {
			found = append(found, Finding{
				Finding: fmt.Sprintf("nothing takes connections for %s at %s, where the MTA is told to go: %v", at.name, at.Address, err),
				Fix:     "start `mmgw serve`; if it runs, correct " + at.key,
			})
			continue
		}
		conn.Close()
		if at.Network == "unix" {
			found = append(found, s.closed(at.Address)...)
		}
	}
	return found
}

// closed tells what keeps the MTA's user from a Unix socket that we can connect to.
// Who named a group knows who is in it.
func (s *Site) closed(socket string) (found []Finding) {
	for _, dir := range upwards(filepath.Dir(socket)) {
		found = append(found, mode(dir, othersSearch, "o+x")...)
	}
	info, err := os.Stat(socket)
	if err == nil && s.SocketGroup == "" && info.Mode().Perm()&othersWrite == 0 {
		found = append(found, Finding{
			Finding: fmt.Sprintf("has mode %04o, so that the MTA's user cannot connect to it", info.Mode().Perm()), File: socket,
			Fix: "name a group of the MTA's user by socket_group in [lmtp], or set socket_mode = \"0666\"; then restart mmgw",
		})
	}
	return found
}

// sample is a list with the addresses by which it is tried.
type sample struct {
	posting string // as the MTA knows it
	verp    string // a bounce address with a detail
	public  string // as people know it, where that is another
	unknown string // of no list, in the same domain
}

// noList is a local part that hardly any list has.
const noList = "no-list-has-this-name"

func (s *Site) samples() []sample {
	var all []sample
	domains := map[string]bool{}
	for _, l := range s.Lists {
		domain := l.AliasDomain
		if domain == "" {
			domain = l.Address.Domain()
		}
		if domains[domain] {
			continue
		}
		domains[domain] = true
		local := l.Address.Local()
		one := sample{
			posting: local + "@" + domain, verp: local + "-bounces" + s.Delimiter + "anne=example.com@" + domain,
			unknown: noList + "@" + domain,
		}
		if domain != l.Address.Domain() {
			one.public = string(l.Address)
		}
		if all = append(all, one); len(all) == listsTried {
			break
		}
	}
	return all
}
