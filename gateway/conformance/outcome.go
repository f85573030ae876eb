package conformance

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/sandbox"
)

// outcome is what came of a call, as sections of an archive.
type outcome struct {
	files []txtar.File
	fault *sandbox.Error // nil: none
	usage gateway.Usage
}

func (o *outcome) add(name, text string) {
	if text != "" {
		o.files = append(o.files, txtar.File{Name: name, Data: []byte(text)})
	}
}

// verdictOf is what a handler's call came to.
func verdictOf(x *gateway.Exchange, v gateway.Verdict) (outcome, error) {
	o := outcome{usage: v.Usage}
	o.add("verdict", verdictText(v.Action, v.Status)+"\n")
	o.add("envelope", envelopeText(x, v))
	return o, o.addEdits(x, v.Edits)
}

// planOf is what a planner's call came to.
func planOf(x *gateway.Exchange, p gateway.Plan) (outcome, error) {
	o := outcome{usage: p.Usage}
	o.add("verdict", "continue\n")
	o.add("plan", planText(x, p))
	return o, o.addEdits(x, p.Edits)
}

// faultOf is a call, or the loading of a module, that failed.
func faultOf(err error) outcome {
	var o outcome
	if errors.As(err, &o.fault) {
		o.add("verdict", "fault "+o.fault.Fault.String()+": "+o.fault.Reason+"\n")
		return o
	}
	o.add("verdict", "not loaded: "+err.Error()+"\n")
	return o
}

// verdictText is an action with its reply; holding has none but a reason.
func verdictText(action gateway.Action, status *gateway.Status) string {
	switch {
	case status == nil:
		return action.String()
	case action == gateway.Hold:
		return action.String() + " " + status.Text
	}
	return action.String() + " " + status.Reply()
}

// envelopeText is what a verdict does but to the message, a line each.
func envelopeText(x *gateway.Exchange, v gateway.Verdict) string {
	var b strings.Builder
	if v.Route != "" {
		fmt.Fprintf(&b, "route %s\n", v.Route)
	}
	for _, id := range slices.Sorted(maps.Keys(v.Recipients)) {
		d, path := v.Recipients[id], x.Message.Envelope.Recipients[id].Path
		if d.Removed {
			fmt.Fprintf(&b, "%s removed\n", path)
		}
		if d.Redirect != "" {
			fmt.Fprintf(&b, "%s redirected to %s\n", path, d.Redirect)
		}
		if d.Notify != nil {
			fmt.Fprintf(&b, "%s notify %s\n", path, notifyText(*d.Notify))
		}
		if d.Status != nil || d.Action != gateway.Continue {
			fmt.Fprintf(&b, "%s %s\n", path, verdictText(d.Action, d.Status))
		}
	}
	for _, r := range v.Added {
		fmt.Fprintf(&b, "%s added\n", r.Path)
	}
	return b.String()
}

// notifyText is NOTIFY as RCPT has it.
func notifyText(n gateway.Notify) string {
	var all []string
	for i, name := range []string{"never", "success", "failure", "delay"} {
		if n&(1<<i) != 0 {
			all = append(all, name)
		}
	}
	return strings.Join(all, ",")
}

// planText is a plan in the words of sdk/ABI.md, Settings.
func planText(x *gateway.Exchange, p gateway.Plan) string {
	var b strings.Builder
	set := func(key string, value any, isSet bool) {
		if isSet {
			fmt.Fprintf(&b, "%s = %v\n", key, value)
		}
	}
	set("route", p.Route, p.Route != "")
	set("chunk.max_rcpts", p.RecipientsMax, p.RecipientsMax != 0)
	set("chunk.by", "domain", p.ByDomain)
	set("verp", 1, p.VERP)
	if p.ReversePath != nil {
		set("mail_from", *p.ReversePath, true)
	}
	set("priority", p.Priority, p.Priority != 0)
	set("not_before_ms", p.NotBefore.UnixMilli(), !p.NotBefore.IsZero())
	set("expire_ms", p.Expires.UnixMilli(), !p.Expires.IsZero())
	for _, i := range slices.Sorted(maps.Keys(p.Recipients)) {
		r, path := p.Recipients[i], string(x.Recipients[i].Path)
		set(path+" removed", true, r.Removed)
		set(path+" redirect", r.Redirect, r.Redirect != "")
		set(path+" mail_from", r.ReversePath, r.ReversePath != "")
		for _, name := range slices.Sorted(maps.Keys(r.Header)) {
			set(path+" header."+name, r.Header[name], true)
		}
	}
	return b.String()
}

// addEdits applies edits, which must be possible, and adds the message that
// they make. Templates stay as they are written.
func (o *outcome) addEdits(x *gateway.Exchange, edits []gateway.Edit) error {
	if len(edits) == 0 {
		return nil
	}
	draft := x.Draft.Clone()
	if err := draft.Apply(edits...); err != nil {
		return fmt.Errorf("its edits cannot be applied: %w", err)
	}
	content := draft.Content()
	again, err := gateway.OpenDraft(content)
	if err != nil || len(again.Header) != len(draft.Header) {
		return fmt.Errorf("its edits make no message: %d fields read back of %d, %v", len(again.Header), len(draft.Header), err)
	}
	r, err := content.Open()
	if err != nil {
		return err
	}
	defer r.Close()
	text, err := io.ReadAll(io.NewSectionReader(r, 0, content.Size()))
	o.add("becomes", strings.ReplaceAll(string(text), "\r\n", "\n"))
	return err
}

// filesOf is what a writer made.
func filesOf(files []gateway.File) outcome {
	var o outcome
	o.add("verdict", "continue\n")
	for _, f := range files {
		o.files = append(o.files, txtar.File{Name: filePrefix + f.Path, Data: f.Data})
	}
	return o
}
