package main

import (
	"errors"
	"strings"

	"github.com/mmgw/mmgw/sdk"
	"github.com/mmgw/mmgw/sdk/rfc2047"
)

func decorate(m *sdk.Message) error {
	address, ok := sdk.Get("list.address")
	if !ok {
		return nil // a forward route
	}
	at := strings.LastIndexByte(address, '@')
	if at < 0 {
		return errors.New("the list has no address")
	}
	if err := remove(m); err != nil {
		return err
	}
	return add(m, list{address[:at], address[at+1:]})
}

// remove takes out every List-* field, as those of another list would send its
// members' replies and unsubscribe clicks there, and what is no member's business.
func remove(m *sdk.Message) error {
	for i := m.FieldCount() - 1; i >= 0; i-- {
		field := sdk.Field(i)
		if name := field.Name(); !isListField(name) && !isPrivate(name) {
			continue
		}
		if err := field.Delete(); err != nil {
			return err
		}
	}
	return nil
}

// private are fields that no member may see: by receipts an author hears from each
// member who reads a post, and so who they are; Bcc is for its author alone; and
// Approved has a password, for those who come from GNU Mailman.
var private = [...]string{
	"return-receipt-to", "disposition-notification-to", "x-confirm-reading-to", "x-pmrqc",
	"bcc", "resent-bcc", "approved", "approve", "x-approved", "x-approve",
}

func isPrivate(name string) bool {
	for _, p := range private {
		if len(name) == len(p) && begins(name, p) {
			return true
		}
	}
	return false
}

func isListField(name string) bool {
	const prefix = "list-"
	return len(name) > len(prefix) && begins(name, prefix)
}

// begins says whether the name of a field begins with s, which is in lower case.
func begins(name, s string) bool {
	for i := range len(s) {
		if name[i]|0x20 != s[i] {
			return false
		}
	}
	return true
}

// list is a list's address at its @.
type list struct{ local, domain string }

func add(m *sdk.Message, l list) error {
	fields := [][2]string{
		{"List-Id", listID()},
		{"List-Post", l.mailto("", "")},
		{"List-Help", l.mailto("-request", "help")},
		{"List-Subscribe", l.mailto("-join", "")},
		{"List-Owner", l.mailto("-owner", "")},
	}
	if archive, _ := sdk.Get("list.config.archive"); archive != "" {
		fields = append(fields, [2]string{"List-Archive", "<" + escape(archive, uriChars) + ">"})
	}
	for _, field := range fields {
		if err := m.AppendHeader(field[0], field[1]); err != nil {
			return err
		}
	}
	if err := addUnsubscribe(m, l.mailto("-leave", "")); err != nil {
		return err
	}
	if err := m.SetHeader("Precedence", "list"); err != nil {
		return err
	}
	if err := addReplyTo(m, l.local+"@"+l.domain); err != nil {
		return err
	}
	if sdk.ConfigBool("sender", false) {
		return m.SetHeader("Sender", l.local+"-bounces@"+l.domain)
	}
	return nil
}

// addUnsubscribe says how to leave: by mail, or where the list's members leave
// by one click (RFC 8058) by a link of their own as well.
func addUnsubscribe(m *sdk.Message, mailto string) error {
	if _, ok := sdk.Get("list.unsubscribe_url"); !ok {
		return m.AppendHeader("List-Unsubscribe", mailto)
	}
	if err := m.SetHeaderTemplate("List-Unsubscribe", "<{unsubscribe_url}>, "+mailto); err != nil {
		return err
	}
	return m.AppendHeader("List-Unsubscribe-Post", "List-Unsubscribe=One-Click")
}

// addReplyTo has replies go to the list as well as to whom the post names, where
// the list wants that.
func addReplyTo(m *sdk.Message, address string) error {
	where, ok := sdk.Get("list.config.reply_to")
	if !ok {
		where, _ = sdk.Config("reply_to")
	}
	if where != "list" {
		return nil
	}
	named := replyTo(m)
	for _, word := range strings.FieldsFunc(named, endsAddress) {
		if strings.EqualFold(word, address) {
			return nil
		}
	}
	if named != "" {
		address = named + ", " + address
	}
	err := m.SetHeader("Reply-To", address)
	if refusal, _ := err.(sdk.Refusal); refusal == sdk.ErrLimit {
		return nil // a field that cannot become longer stays as it is: the post goes on
	}
	return err
}

// replyTo is whom a post names for replies, in one field or, against the rule, in several.
func replyTo(m *sdk.Message) string {
	var named []string
	for field, ok := m.FindField("Reply-To", 0); ok; field, ok = m.FindField("Reply-To", field+1) {
		if value := strings.TrimSpace(field.Value()); value != "" {
			named = append(named, value)
		}
	}
	return strings.Join(named, ", ")
}

func endsAddress(c rune) bool { return strings.ContainsRune(" \t\r\n<>,;:", c) }

// listID is the value of List-Id: the description as a phrase, and the id.
func listID() string {
	id, _ := sdk.Get("list.id")
	description, _ := sdk.Get("list.description")
	if description == "" {
		return "<" + id + ">"
	}
	return rfc2047.Phrase(description) + " <" + id + ">"
}

// mailto is the URI of one of the list's addresses in angle brackets.
func (l list) mailto(suffix, subject string) string {
	uri := "<mailto:" + escape(l.local+suffix, mailtoChars) + "@" + escape(l.domain, mailtoChars)
	if subject != "" {
		uri += "?subject=" + subject
	}
	return uri + ">"
}

// Characters beside letters and digits that stay as they are. In an address of
// a mailto URI (RFC 6068, section 2) those that mean something to the URI or
// to the header field are left out.
const (
	mailtoChars = "-._~+!$'*"
	uriChars    = mailtoChars + "%/:?#[]@&=,;()"
)

// escape percent-encodes what is neither a letter nor a digit nor in keep.
func escape(s, keep string) string {
	const hexDigits = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte(keep, c) >= 0 {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('%')
		b.WriteByte(hexDigits[c>>4])
		b.WriteByte(hexDigits[c&15])
	}
	return b.String()
}
