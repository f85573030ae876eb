package conformance

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mmgw/mmgw/gateway/sandbox"
	"github.com/mmgw/mmgw/plugins"
)

// careless is the module of testdata, and a folder of its own with it.
func careless(t *testing.T) (Module, string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata")); err != nil {
		t.Fatal(err)
	}
	modules, err := Find(dir)
	if err != nil || len(modules) != 1 || len(modules[0].Cases) != 2 {
		t.Fatalf("%+v, %v", modules, err)
	}
	return modules[0], dir
}

// TestCarelessModule is the control of all that passes: a module of which each
// fault is found, with the circumstances.
func TestCarelessModule(t *testing.T) {
	m, _ := careless(t)
	report, err := m.Run(t.Context(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []Finding{
		{"wrong", "", "+ Subject: hello"},
		{"tags", "no subject", "unreachable"},
		{"tags", "nothing at all", "unreachable"},
		{"tags", "header_get answers -1", "unreachable"},
		{"tags", "header_set answers -4", "fuel"},
		{"tags", "a long field", "memory that does not exist"},
	} {
		if !slices.ContainsFunc(report.Findings, func(f Finding) bool {
			return f.Case == want.Case && f.Trial == want.Trial && strings.Contains(f.Text, want.Text)
		}) {
			t.Errorf("not found: %+v", want)
		}
	}
	for _, fine := range []string{"a long line", "get_int answers -9223372036854775808"} {
		if slices.ContainsFunc(report.Findings, func(f Finding) bool { return f.Case == "tags" && f.Trial == fine }) {
			t.Errorf("%q was found fault with", fine)
		}
	}
	if report.Cases != 2 || report.Trials < 50 || report.FuelMax == 0 {
		t.Errorf("%d cases, %d trials, %d units", report.Cases, report.Trials, report.FuelMax)
	}
}

func TestUpdate(t *testing.T) {
	m, dir := careless(t)
	if _, err := m.Run(t.Context(), Options{Update: true}); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "wrong.txtar"))
	if err != nil || !strings.HasPrefix(string(text), "It is told") || !strings.HasSuffix(string(text), "-- becomes --\nSubject: hello\n\ntext\n") {
		t.Errorf("%v\n%s", err, text)
	}
	tags, err := os.ReadFile(filepath.Join(dir, "tags.txtar"))
	before, _ := os.ReadFile(filepath.Join("testdata", "tags.txtar"))
	if err != nil || string(tags) != string(before) {
		t.Errorf("a case that holds has changed:\n%s", tags)
	}
}

func TestCasesThatAreNone(t *testing.T) {
	for text, want := range map[string]string{
		"":                                       "it needs a section mail",
		"-- mail --\n-- verdikt --\n":            `there is no section "verdikt"`,
		"-- mail --\n-- mail --\n":               "is there twice",
		"-- mail --\n-- mmgw.toml --\n":          "it needs a section mail",
		"-- mail --\n-- session --\nto\n":        `"to" takes 1 to 2 words`,
		"-- mail --\n-- session --\ntoo x\n":     `a session has no "too"`,
		"-- mail --\n-- session --\nclient x\n":  "unable to parse IP",
		"-- mail --\n-- session --\nhook plan\n": "no hook for this case",
		"-- mail --\n-- config --\na =\n":        "section config: line 1",
		"-- mail --\n-- plugin --\ncolor = 1\n":  "section plugin",
		"-- mail --\n-- dns --\nA x\n":           "is not TYPE NAME VALUE",
		"-- mmgw.toml --\nx = 1\n":               "mmgw.toml",
	} {
		m, _ := careless(t)
		c, err := parseCase("case.txtar", []byte(text))
		if err == nil {
			m.Cases = []*Case{c}
			_, err = m.Run(t.Context(), Options{})
		}
		if err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "case.txtar") {
			t.Errorf("%q: %v, not %q", text, err, want)
		}
	}
}

// TestBuiltins has every built-in plugin in trial. Their cases are beside them,
// in the form of plugins/internal/writertest.
func TestBuiltins(t *testing.T) {
	cache := t.TempDir()
	for _, name := range plugins.Names() {
		t.Run(name, func(t *testing.T) {
			wasm, _ := plugins.Lookup(name)
			m := Module{Name: name, Wasm: wasm, Capabilities: plugins.Capabilities(name)}
			report, err := m.Run(t.Context(), Options{Cache: cache})
			if err != nil || report.Trials == 0 {
				t.Errorf("%+v, %v", report, err)
			}
			for _, f := range report.Findings {
				t.Errorf("%s: %s", f.Trial, f.Text)
			}
		})
	}
}

// TestRefusalsNameAllFunctions holds that no function can be left out of the
// trials: the table has those of the host, and no others.
func TestRefusalsNameAllFunctions(t *testing.T) {
	functions := sandbox.Functions()
	for _, name := range functions {
		if _, known := refusals[name]; !known {
			t.Errorf("%s is not in the table", name)
		}
	}
	if len(functions) != len(refusals) {
		t.Errorf("the host has %d functions, the table %d", len(functions), len(refusals))
	}
}
