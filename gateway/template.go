package gateway

import (
	"encoding/base64"
	"strings"
	"unicode/utf8"
)

// Copy is what a template may name of one recipient's copy.
type Copy struct {
	Member         Recipient
	VERP           ReversePath
	UnsubscribeURL string
}

// Fill replaces the placeholders in text by what they name in this copy:
//
//	{member} {member.local} {member.domain} {member.name}
//	{unsubscribe_url} {verp}
//
// The list is closed: anything else in braces stays as it is. It is called on
// templates of outgoing handlers alone, never on text from mail. The name, which
// may be a stranger's choice, is spelled as header fields need it.
func (c Copy) Fill(text string) string {
	if !strings.Contains(text, "{") {
		return text
	}
	path := c.Member.Path
	return strings.NewReplacer(
		"{member}", string(path),
		"{member.local}", path.Local(),
		"{member.domain}", path.Domain(),
		"{member.name}", phrase(c.Member.Name),
		"{unsubscribe_url}", c.UnsubscribeURL,
		"{verp}", string(c.VERP),
	).Replace(text)
}

// atoms are the characters of a phrase that nothing has to protect (RFC 5322,
// section 3.2.3), and the space between words.
const atoms = " ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-/=?^_`{|}~"

// encodedOctetsMax is what one encoded word holds within its 75 characters.
const encodedOctetsMax = 45

// phrase spells a name for a header field: as it is, or as encoded words (RFC
// 2047), which mean the same in front of an address and in any text, and which no
// comma, bracket or line end of the name gets out of.
func phrase(name string) string {
	if strings.Trim(name, atoms) == "" && !strings.Contains(name, "=?") {
		return name
	}
	name = strings.NewReplacer("\r", "", "\n", "", "\x00", "").Replace(strings.ToValidUTF8(name, "?"))
	var words []string
	for len(name) > 0 {
		n := min(len(name), encodedOctetsMax)
		for n < len(name) && !utf8.RuneStart(name[n]) {
			n--
		}
		words = append(words, "=?utf-8?b?"+base64.StdEncoding.EncodeToString([]byte(name[:n]))+"?=")
		name = name[n:]
	}
	return strings.Join(words, " ")
}

// FillEdits returns edits with every template among them filled in.
func (c Copy) FillEdits(edits []Edit) []Edit {
	filled := make([]Edit, len(edits))
	for i, e := range edits {
		if e.Template {
			e.Value, e.Template = c.Fill(e.Value), false
		}
		filled[i] = e
	}
	return filled
}
