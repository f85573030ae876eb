package bounce

import (
	"encoding/json"
	"strings"

	"github.com/mmgw/mmgw/gateway"
)

// notification is what Amazon SES writes of a message that it sent, as JSON in a
// message of its own, alone or in the Message of another.
type notification struct {
	Message string `json:"Message"`
	Kind    string `json:"notificationType"` // Bounce, Complaint or Delivery
	Bounce  struct {
		SubType    string     `json:"bounceSubType"`
		Recipients []notified `json:"bouncedRecipients"`
	} `json:"bounce"`
	Complaint struct {
		Recipients []notified `json:"complainedRecipients"`
	} `json:"complaint"`
}

type notified struct {
	Address    string `json:"emailAddress"`
	Action     string `json:"action"`
	Status     string `json:"status"`
	Diagnostic string `json:"diagnosticCode"`
}

// readNotification takes the JSON at the start of text. Mail systems fold its
// long line with an exclamation mark.
func readNotification(text string) (n notification, ok bool) {
	text = strings.TrimSpace(strings.ReplaceAll(text, "!\n ", ""))
	if !strings.HasPrefix(text, "{") || !strings.Contains(text, "notificationType") {
		return n, false
	}
	if err := json.NewDecoder(strings.NewReader(text)).Decode(&n); err != nil {
		return n, false
	}
	if n.Kind == "" {
		inner := n.Message
		n = notification{}
		if err := json.Unmarshal([]byte(inner), &n); err != nil {
			return n, false
		}
	}
	return n, n.Kind == "Bounce" || n.Kind == "Complaint"
}

// notification finds whom such a message is about.
func (m message) notification() (found []Recipient, complained, ok bool) {
	n, ok := readNotification(m.text())
	if !ok {
		return nil, false, false
	}
	for _, one := range n.Bounce.Recipients {
		r := group{Final: bareAddress(one.Address), Action: strings.ToLower(one.Action), Diagnostic: untyped(one.Diagnostic)}
		r.Status, _ = gateway.ParseEnhancedCode(one.Status)
		r.category = strings.ToLower(n.Bounce.SubType)
		if r.Action == "" {
			r.Action = string(Failed) // of the suppressed, nothing else is told
		}
		if action, failed := r.action(); failed && len(found) < RecipientsMax {
			found = append(found, r.recipient(action, "", ""))
		}
	}
	for _, one := range n.Complaint.Recipients {
		if path := bareAddress(one.Address); path != "" && len(found) < RecipientsMax {
			found, complained = append(found, complaint(path)), true
		}
	}
	return found, complained, len(found) > 0
}
