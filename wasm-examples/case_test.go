package examples_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pelletier/go-toml/v2"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/sandbox"
	examples "github.com/mmgw/mmgw/wasm-examples"
)

// fuelMax is what a call of an example may use: a hundredth of the default.
const fuelMax = 10_000_000

// trial is one call of an example, as a txtar archive tells it. Its sections:
//
//	config    the module's settings, as [plugins.NAME.config]; optional
//	list      the list's own config; optional
//	service   what the message was sent to; optional, post
//	mail      the message
//	verdict   continue, or an action with its reply, or the fault of the call or
//	          of loading the module
//	becomes   the message as it is edited; without it, nothing may be edited
//
// With UPDATE=1 in the environment the last two are written, not compared.
type trial struct {
	path    string
	archive *txtar.Archive
}

// trials are all cases of an example.
func trials(t *testing.T, example string) []trial {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(example, "testdata", "*.txtar"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("%s has no cases (%v)", example, err)
	}
	var all []trial
	for _, path := range paths {
		archive, err := txtar.ParseFile(path)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, trial{path, archive})
	}
	return all
}

// name is that of the archive, without its ending.
func (c trial) name() string { return strings.TrimSuffix(filepath.Base(c.path), ".txtar") }

func (c trial) section(name string) (string, bool) {
	for _, f := range c.archive.Files {
		if f.Name == name {
			return string(f.Data), true
		}
	}
	return "", false
}

func (c trial) table(t *testing.T, name string) map[string]any {
	t.Helper()
	text, _ := c.section(name)
	table := map[string]any{}
	if err := toml.Unmarshal([]byte(text), &table); err != nil {
		t.Fatalf("%s, section %s: %v", c.path, name, err)
	}
	return table
}

// run calls the module and compares.
func (c trial) run(t *testing.T, example string) {
	x := c.exchange(t)
	v, err := handle(t, example, c.table(t, "config"), x)
	verdict, becomes := verdictText(t, v, err), ""
	if len(v.Edits) > 0 {
		becomes = edited(t, x, v.Edits)
	}
	if os.Getenv("UPDATE") != "" {
		c.update(t, verdict, becomes)
		return
	}
	if want, _ := c.section("verdict"); verdict != want {
		t.Errorf("verdict %swant %s", verdict, want)
	}
	if want, _ := c.section("becomes"); becomes != want {
		t.Errorf("the message becomes\n%s\nwant\n%s", becomes, want)
	}
}

// handle loads the module and calls the hook that it has.
func handle(t *testing.T, example string, config map[string]any, x *gateway.Exchange) (gateway.Verdict, error) {
	t.Helper()
	wasm, ok := examples.Lookup(example)
	if !ok {
		t.Fatalf("there is no example %s", example)
	}
	host, err := sandbox.New(sandbox.Env{})
	if err != nil {
		t.Fatal(err)
	}
	defer host.Close(t.Context())
	plugin, err := host.Load(t.Context(), sandbox.Spec{Name: example, Wasm: wasm, Config: config, Fuel: fuelMax})
	if err != nil {
		return gateway.Verdict{}, err
	}
	defer plugin.Close()
	if x.Phase = gateway.PhaseIncoming; !plugin.Serves(x.Phase) {
		x.Phase, x.Recipients = gateway.PhaseOutgoing, nil
	}
	return plugin.Handle(t.Context(), x)
}

// exchange is the message on its way to dev@lists.example.com.
func (c trial) exchange(t *testing.T) *gateway.Exchange {
	t.Helper()
	mail, ok := c.section("mail")
	if !ok {
		t.Fatalf("%s has no mail", c.path)
	}
	content := gateway.Bytes(strings.ReplaceAll(mail, "\n", "\r\n"))
	draft, err := gateway.OpenDraft(content)
	if err != nil {
		t.Fatal(err)
	}
	service, ok := c.section("service")
	if !ok {
		service = string(gateway.Post)
	}
	return &gateway.Exchange{
		Message:    &gateway.Message{Content: content, Envelope: gateway.Envelope{ReversePath: "anne@example.com"}},
		Leg:        &gateway.Leg{Service: gateway.Service(strings.TrimSpace(service)), Recipients: []gateway.RecipientID{0}},
		List:       &gateway.List{Address: "dev@lists.example.com", Config: c.table(t, "list")},
		Recipients: []gateway.Recipient{{Path: "dev@lists.example.com"}},
		Draft:      draft,
	}
}

// verdictText is a section verdict.
func verdictText(t *testing.T, v gateway.Verdict, failed error) string {
	t.Helper()
	var fault *sandbox.Error
	switch {
	case errors.As(failed, &fault):
		return "fault " + fault.Fault.String() + ": " + fault.Reason + "\n"
	case failed != nil:
		t.Fatal(failed)
	case v.Status == nil:
		return v.Action.String() + "\n"
	case v.Action == gateway.Hold:
		return v.Action.String() + " " + v.Status.Text + "\n"
	}
	return v.Action.String() + " " + v.Status.Reply() + "\n"
}

// edited is the message with edits applied, with LF.
func edited(t *testing.T, x *gateway.Exchange, edits []gateway.Edit) string {
	t.Helper()
	draft := x.Draft.Clone()
	if err := draft.Apply(edits...); err != nil {
		t.Fatal(err)
	}
	content := draft.Content()
	r, err := content.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	text, err := io.ReadAll(io.NewSectionReader(r, 0, content.Size()))
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(text), "\r\n", "\n")
}

func (c trial) update(t *testing.T, verdict, becomes string) {
	t.Helper()
	var kept []txtar.File
	for _, f := range c.archive.Files {
		if f.Name != "verdict" && f.Name != "becomes" {
			kept = append(kept, f)
		}
	}
	kept = append(kept, txtar.File{Name: "verdict", Data: []byte(verdict)})
	if becomes != "" {
		kept = append(kept, txtar.File{Name: "becomes", Data: []byte(becomes)})
	}
	c.archive.Files = kept
	if err := os.WriteFile(c.path, txtar.Format(c.archive), 0o644); err != nil {
		t.Fatal(err)
	}
}
