package config

import (
	"errors"
	"fmt"
	"strings"

	"github.com/mmgw/mmgw/gateway"
)

// List is one [[list]] of the file. Its Source is "file", its Line the line of the
// table, and its VERPInterval the effective one, never -1.
type List struct {
	gateway.List
	Members     []gateway.Recipient // each mailbox once, in the order of the file
	MembersFile string              // absolute path, or "" if the configuration itself lists the members
}

// Bounds of [[list]] verp_interval.
const (
	// asVERP stands for [verp] delivery_interval in a list.
	asVERP = -1
	// VERPIntervalMax bounds how many posts there are from one with VERP to the
	// next: with more of them, dead addresses would stay for years.
	VERPIntervalMax = 1_000_000
)

// keys of [[list]]. The defaults are those of a discussion list: members can post,
// and new ones must confirm their address.
func (l *List) keys(s *section) {
	s.require("address", "the address of the list")
	key(s, "address", &l.Address, "", address)
	key(s, "owners", &l.Owners, nil, arrayOf(address))
	from := members{l.MembersFile, l.Members}
	key(s, "members", &from, members{}, s.members())
	key(s, "description", &l.Description, "", description)
	key(s, "alias_domain", &l.AliasDomain, "", orEmpty(domain))
	key(s, "posting", &l.Posting, gateway.PostingMembers, choice(gateway.PostingMembers, gateway.PostingAnyone, gateway.PostingModerated))
	key(s, "moderators", &l.Moderators, nil, arrayOf(address))
	key(s, "subscribe", &l.Subscribe, gateway.SubscribeConfirm, choice(gateway.SubscribeConfirm, gateway.SubscribeModerated, gateway.SubscribeClosed))
	key(s, "verp_interval", &l.VERPInterval, asVERP, number(asVERP, VERPIntervalMax))
	key(s, "personalize", &l.Personalize, false, boolean)
	key(s, "unsubscribe", &l.Unsubscribe, UnsubscribeList, choice(UnsubscribeList, UnsubscribeMember))
	key(s, "quiet_hold", &l.QuietHold, false, boolean)
	if s.reading() || l.Incoming != nil { // nil is the default chain, [] is none
		key(s, "incoming", &l.Incoming, nil, arrayOf(s.plugin()))
	}
	key(s, "config", &l.Config, map[string]any{}, free)
	if s.reading() {
		l.MembersFile, l.Members = from.file, from.list
		l.read(s)
	}
}

// The values of List.Unsubscribe.
const (
	UnsubscribeList   = "list"   // mail to the -leave address
	UnsubscribeMember = "member" // one click (RFC 8058), for which each member's copy differs
)

// read fills in what the keys imply, and reads the members file.
func (l *List) read(s *section) {
	if s.in != nil {
		l.Source, l.Line = "file", s.in.line
	}
	if l.MembersFile != "" {
		l.Members = s.readMembers(l.MembersFile)
	}
	l.Members = unique(l.Members)
	if l.Address == "" {
		return
	}
	l.ID = gateway.NewListID(l.Address)
	if err := gateway.CheckListAddress(l.Address); err != nil {
		s.wrong("address", fmt.Sprintf("is %s: %v", quote(string(l.Address)), err), "choose a name of letters, digits, dots and hyphens")
	}
}

// description is a text that goes into a header field.
var description = textKind("one line of text", func(s string) (string, error) { return s, gateway.CheckDescription(s) }, same)

// oneLine is a text without line ends.
var oneLine = textKind("one line of text", func(s string) (string, error) {
	if strings.ContainsAny(s, "\r\n\x00") {
		return "", errors.New("more than one line")
	}
	return s, nil
}, same)

// Forward is a set of domains whose mail goes to a backend, [[forward]].
type Forward struct {
	Name       string
	Domains    []string
	To         NextHop
	Verify     Verify
	ReturnPath bool // copies begin with a Return-Path field, as RFC 5321, section 4.4, requires of final delivery
	Line       int  // of the table
}

// Verify is how recipients of a forward domain are checked.
type Verify string

// The ways to verify.
const (
	VerifyCallout Verify = "callout" // RCPT at the backend
	VerifyNone    Verify = "none"
)

// keys of [[forward]]. callout is the default: without asking the backend the
// gateway would accept mail for unknown recipients, and later bounce it to forged
// addresses.
func (f *Forward) keys(s *section) {
	s.require("name", "a name for this route")
	s.require("domains", "the domains that are forwarded")
	s.require("to", "where their mail goes")
	key(s, "name", &f.Name, "", pluginName)
	key(s, "domains", &f.Domains, nil, arrayOf(domain))
	key(s, "to", &f.To, NextHop{}, nextHop)
	key(s, "verify", &f.Verify, VerifyCallout, choice(VerifyCallout, VerifyNone))
	key(s, "return_path", &f.ReturnPath, false, boolean)
	if s.reading() && s.in != nil {
		f.Line = s.in.line
	}
}

// require adds a problem if the file lacks a key that has no default. what says
// what the key is for.
func (s *section) require(name, what string) {
	if s.reading() && s.in != nil && !s.given(name) {
		s.doc.problem(s.in.line, s.name+" has no "+name, "add "+name+": "+what)
	}
}
