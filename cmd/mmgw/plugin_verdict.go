package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/admin"
)

// verdictFacts are what run prints as JSON. There is either a verdict or an error.
type verdictFacts struct {
	Verdict    string           `json:"verdict"`
	Code       int              `json:"code"`
	Enhanced   string           `json:"enhanced"`
	Text       string           `json:"text"`
	Edits      []editFacts      `json:"edits"`
	Recipients []recipientFact  `json:"recipients,omitempty"`
	Added      []string         `json:"added,omitempty"`
	Route      string           `json:"route,omitempty"`
	Metrics    map[string]int64 `json:"metrics,omitempty"`
	Fuel       int64            `json:"fuel"`
	Us         int64            `json:"us"`
	Error      string           `json:"error"`
}

type editFacts struct {
	Op    string `json:"op"` // insert, replace, delete or body
	Index int    `json:"index"`
	Name  string `json:"name,omitempty"`
	Value string `json:"value,omitempty"`
	Size  int    `json:"size,omitempty"` // octets of a new body
}

// recipientFact is what a module decided for one recipient.
type recipientFact struct {
	Address string `json:"address"`
	Change  string `json:"change"` // a verdict, "removed", or the address it is redirected to
}

func factsOfOutcome(x *gateway.Exchange, o outcome, failed error) verdictFacts {
	v := o.verdict
	facts := verdictFacts{Edits: []editFacts{}, Route: v.Route, Metrics: o.metrics, Fuel: o.usage.Fuel, Us: o.usage.Time.Microseconds()}
	if failed != nil {
		facts.Error = oneLine(failed)
		return facts
	}
	facts.Verdict = v.Action.String()
	if v.Status != nil {
		facts.Code, facts.Enhanced, facts.Text = v.Status.Code, v.Status.Enhanced.String(), v.Status.Text
	}
	for _, e := range v.Edits {
		facts.Edits = append(facts.Edits, editFacts{e.Op.String(), e.Index, e.Name, e.Value, len(e.Body)})
	}
	for _, id := range slices.Sorted(maps.Keys(v.Recipients)) {
		facts.Recipients = append(facts.Recipients, recipientFact{addressOf(x, id), changeOf(v.Recipients[id])})
	}
	for _, r := range v.Added {
		facts.Added = append(facts.Added, string(r.Path))
	}
	return facts
}

func addressOf(x *gateway.Exchange, id gateway.RecipientID) string {
	if all := x.Message.Envelope.Recipients; int(id) < len(all) {
		return string(all[id].Path)
	}
	return strconv.Itoa(int(id))
}

func changeOf(d gateway.Disposition) string {
	switch {
	case d.Removed:
		return "removed"
	case d.Redirect != "":
		return string(d.Redirect)
	case d.Status != nil:
		return d.Action.String() + " " + d.Status.Reply()
	}
	return d.Action.String()
}

// showOutcome prints the outcome of a call. It exits 65 if the module failed.
func (g *globals) showOutcome(c *cobra.Command, x *gateway.Exchange, o outcome, failed error) error {
	facts := factsOfOutcome(x, o, failed)
	err := g.show(c, facts, func(w io.Writer) {
		verdict := facts.Verdict
		if o.verdict.Status != nil {
			verdict += " " + o.verdict.Status.Reply()
		}
		pairs(w, "error", facts.Error, "verdict", verdict, "route", facts.Route,
			"fuel", strconv.FormatInt(facts.Fuel, 10), "time", microseconds(o.usage.Time))
		for _, name := range slices.Sorted(maps.Keys(facts.Metrics)) {
			fmt.Fprintf(w, "metric %s: %d\n", name, facts.Metrics[name])
		}
		for _, r := range facts.Recipients {
			fmt.Fprintf(w, "recipient %s: %s\n", r.Address, r.Change)
		}
		for _, address := range facts.Added {
			fmt.Fprintf(w, "recipient %s: added\n", address)
		}
		writeEdits(w, x.Draft.Clone(), o.verdict.Edits)
	})
	if err == nil && failed != nil {
		return silent(admin.ExitData)
	}
	return err
}

// writeEdits writes edits as a diff, each against the result of those before it.
func writeEdits(w io.Writer, draft *gateway.Draft, edits []gateway.Edit) {
	for _, e := range edits {
		if e.Op == gateway.ReplaceBody {
			fmt.Fprintf(w, "- body, %d octets\n+ body, %d octets\n", draft.Body().Size(), len(e.Body))
		}
		if e.Op == gateway.ReplaceField || e.Op == gateway.DeleteField {
			fmt.Fprintln(w, "-", fieldLine(draft, e.Index))
		}
		if err := draft.Apply(e); err != nil {
			fmt.Fprintln(w, "!", oneLine(err))
			return
		}
		if e.Op == gateway.InsertField || e.Op == gateway.ReplaceField {
			fmt.Fprintln(w, "+", fieldLine(draft, e.Index))
		}
	}
}

func fieldLine(draft *gateway.Draft, index int) string {
	if index < 0 || index >= len(draft.Header) {
		return "?"
	}
	field := draft.Header[index]
	return field.Name() + ": " + gateway.Printable(field.Value())
}
