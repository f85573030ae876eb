package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/admin"
	"github.com/mmgw/mmgw/gateway/conformance"
)

// moduleReport is what test prints of one module as JSON.
type moduleReport struct {
	Module   string          `json:"module"`
	Cases    int             `json:"cases"`
	Trials   int             `json:"trials"` // not counting the cases
	Fuel     int64           `json:"fuel"`   // the most that a case took
	Findings []moduleFinding `json:"findings"`
}

type moduleFinding struct {
	Case  string `json:"case,omitempty"`
	Trial string `json:"trial,omitempty"`
	Text  string `json:"text"`
}

func pluginTest(g *globals) *cobra.Command {
	var update bool
	c := &cobra.Command{
		Use: "test DIR", Short: "Try a module with its cases, with hostile mail and with refusals",
		Long: `Runs the cases of the modules in a folder, DIR/*.wasm, or in the folders of it.
A case is a txtar archive beside the module or in testdata: a message, and what
the module is to make of it. All modules of a folder are tried with its cases.

    -- config --
    prefix = "[dev] "
    -- mail --
    Subject: hello

    text
    -- verdict --
    continue
    -- becomes --
    Subject: [dev] hello

    text

Other sections are plugin (keys of [plugins.NAME], such as capabilities), list
(its config), session, dns (A NAME 192.0.2.1), kv (KEY VALUE), envelope, plan;
mmgw.toml and file/PATH for writers. Lines of a session:

` + conformance.SessionLines + `
With the settings of each case the module then gets hostile mail, and every
refusal of the functions that it calls. It may rule on these as it likes, but
must not trap or run for ever. A call has ` + strconv.Itoa(conformance.FuelMax) + ` units of fuel, a hundredth
of a gateway's, unless the section plugin has another fuel. Findings exit 1.`,
		Example: "  mmgw plugin test .\n  mmgw plugin test wasm-examples --json\n  mmgw plugin test . --update   # record the results, then check them",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			reports, err := testModules(c, args[0], update)
			if err != nil {
				return failure(admin.ExitData, "%v", err)
			}
			return g.showReports(c, reports)
		},
	}
	c.Flags().BoolVar(&update, "update", false, "write the results into the cases instead of comparing them")
	return c
}

// testModules tries all modules of a folder.
func testModules(c *cobra.Command, dir string, update bool) ([]moduleReport, error) {
	modules, err := conformance.Find(dir)
	if err != nil {
		return nil, err
	}
	if err := oneEach(modules); update && err != nil {
		return nil, err
	}
	cache, err := os.MkdirTemp("", "mmgw-test-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(cache)
	var reports []moduleReport
	for _, m := range modules {
		r, err := m.Run(c.Context(), conformance.Options{Update: update, Cache: cache})
		if err != nil {
			return nil, err
		}
		report := moduleReport{Module: m.Name, Cases: r.Cases, Trials: r.Trials, Fuel: r.FuelMax, Findings: []moduleFinding{}}
		for _, f := range r.Findings {
			report.Findings = append(report.Findings, moduleFinding(f))
		}
		reports = append(reports, report)
	}
	return reports, nil
}

// oneEach returns an error if two modules share a case: with --update, the result of one
// would overwrite that of the other.
func oneEach(modules []conformance.Module) error {
	owners := map[string]string{}
	for _, m := range modules {
		for _, c := range m.Cases {
			if other := owners[c.Path]; other != "" {
				return fmt.Errorf("%s is a case of both %s and %s, and --update can write it for one only: give each module a folder of its own", c.Path, other, m.Name)
			}
			owners[c.Path] = m.Name
		}
	}
	return nil
}

func (g *globals) showReports(c *cobra.Command, reports []moduleReport) error {
	found := 0
	err := g.show(c, reports, func(w io.Writer) {
		for _, r := range reports {
			writeReport(w, r)
		}
	})
	for _, r := range reports {
		found += len(r.Findings)
	}
	if err == nil && found > 0 {
		return silent(admin.ExitFindings)
	}
	return err
}

// writeReport writes the findings about a module. Findings that differ only in their trial
// become one.
func writeReport(w io.Writer, r moduleReport) {
	var alike []moduleFinding
	trials := map[moduleFinding][]string{}
	for _, f := range r.Findings {
		kind := moduleFinding{Case: f.Case, Text: f.Text}
		if trials[kind] == nil {
			alike = append(alike, kind)
		}
		trials[kind] = append(trials[kind], f.Trial)
	}
	for _, f := range alike {
		fmt.Fprintln(w, "FAIL", joinNonEmpty(": ", r.Module, f.Case, some(trials[f])))
		for line := range strings.Lines(f.Text) {
			fmt.Fprintln(w, "    ", gateway.Printable(strings.TrimRight(line, "\n")))
		}
	}
	word := "ok  "
	if len(r.Findings) > 0 {
		word = "FAIL"
	}
	fmt.Fprintf(w, "%s %s: %s, %s, %d units of fuel at most, %s\n", word, r.Module,
		plural(r.Cases, "case"), plural(r.Trials, "trial"), r.Fuel, plural(len(r.Findings), "finding"))
	if r.Cases == 0 {
		fmt.Fprintln(w, "     it has no cases; `mmgw plugin test --help` shows one")
	}
}

// some are the first of many names, and how many there are more.
func some(names []string) string {
	const shown = 3
	if len(names) <= shown {
		return strings.Join(names, "; ")
	}
	return fmt.Sprintf("%s; and %d more", strings.Join(names[:shown], "; "), len(names)-shown)
}

func joinNonEmpty(separator string, texts ...string) string {
	return strings.Join(slices.DeleteFunc(texts, func(s string) bool { return s == "" }), separator)
}
