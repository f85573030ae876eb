package gateway

import "strings"

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
// templates of outgoing handlers alone, never on text from mail.
func (c Copy) Fill(text string) string {
	if !strings.Contains(text, "{") {
		return text
	}
	path := c.Member.Path
	name := strings.NewReplacer("\r", "", "\n", "", "\x00", "").Replace(c.Member.Name)
	return strings.NewReplacer(
		"{member}", string(path),
		"{member.local}", path.Local(),
		"{member.domain}", path.Domain(),
		"{member.name}", name,
		"{unsubscribe_url}", c.UnsubscribeURL,
		"{verp}", string(c.VERP),
	).Replace(text)
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
