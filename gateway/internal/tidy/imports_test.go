package tidy

import (
	"fmt"
	"go/ast"
	"path"
	"slices"
	"strings"
	"testing"
)

// tiers are the packages from the ground up. A package imports those of lower
// tiers and what is below its own folder, never one of its own tier.
var tiers = [][]string{
	{"gateway", "gateway/internal/charset", "testdata"},
	{"gateway/store", "plugins", "wasm-examples"},
	{"gateway/smtp", "gateway/spool", "gateway/roster", "gateway/kv", "gateway/replay", "gateway/entity", "gateway/queue", "gateway/verp", "gateway/token", "gateway/bounce", "gateway/dsn", "gateway/authres", "gateway/command", "gateway/notice"},
	{"gateway/lmtp", "gateway/relay", "gateway/pipeline", "gateway/sandbox", "gateway/admin", "gateway/unsubscribe", "mta", "gateway/config", "gateway/probe"},
	{"gateway/modules", "gateway/conformance"},
	{"gateway/server"},
	{"gateway/demo"},
	{"cmd/mmgw", "gateway/internal/tidy", "gateway/internal/sim"},
}

// wireUsers are the packages beside sdk and the guests that may know the
// numbers of the ABI.
var wireUsers = []string{"gateway/sandbox", "gateway/conformance", "mta", "plugins"}

// confined are modules of others, each imported below one folder alone, so
// that it can be exchanged there. Tests may use them as peers.
var confined = map[string]string{
	"github.com/tetratelabs/wazero": "gateway/sandbox",
	"github.com/cockroachdb/pebble": "gateway/store",
	"github.com/pelletier/go-toml":  "gateway/config",
}

// smtpServer are the names of go-smtp that belong to its server; only
// smtpServerUsers may speak them.
var (
	smtpServer      = []string{"Server", "NewServer", "Backend", "BackendFunc", "Session", "LMTPSession", "StatusCollector"}
	smtpServerUsers = []string{"gateway/lmtp", "gateway/probe"}
)

// unit is the package of tiers that the folder dir belongs to, and its tier.
// "guest" and "sdk" stand outside of the tiers.
func unit(dir string) (name string, tier int) {
	top, rest, _ := strings.Cut(dir, "/")
	switch {
	case top == "sdk":
		return "sdk", -1
	case top == "wasm-examples" && rest != "", top == "plugins" && rest != "" && !strings.HasPrefix(rest, "internal/"):
		return "guest", -1
	}
	for i, packages := range tiers {
		for _, p := range packages {
			if within(dir, p) && len(p) > len(name) {
				name, tier = p, i
			}
		}
	}
	if name == "gateway" && dir != "gateway" || name == "" {
		return "", -1
	}
	return name, tier
}

func within(dir, folder string) bool { return dir == folder || strings.HasPrefix(dir, folder+"/") }

func importTiers(r *repository) []string {
	var findings []string
	for _, s := range r.code {
		for _, imported := range s.imports {
			if reason := refusesImport(s, imported); reason != "" {
				findings = append(findings, fmt.Sprintf("%s imports %s: %s", s.path, imported, reason))
			}
		}
	}
	return findings
}

func refusesImport(s source, imported string) string {
	from, fromTier := unit(s.dir())
	dir, ours := strings.CutPrefix(imported, modulePath+"/")
	standard := !strings.Contains(strings.Split(imported, "/")[0], ".")
	switch {
	case from == "":
		return "the importing package is in no tier of imports_test.go"
	case from == "guest":
		return refusesGuest(s, dir, ours, standard)
	case s.isTest() || standard:
		return ""
	case from == "sdk":
		if !ours || !within(dir, "sdk") {
			return "sdk imports the standard library and itself alone, so that every toolchain can build it"
		}
		return ""
	case !ours:
		return ""
	}
	to, toTier := unit(dir)
	switch {
	case dir == "sdk/wire" && slices.Contains(wireUsers, from), to == from:
		return ""
	case to == "sdk" && within(s.dir(), "plugins/internal"):
		return "" // it builds the guests and plays their host in tests
	case to == "sdk":
		return "of sdk only sdk/wire, and only in " + strings.Join(wireUsers, ", ")
	case to == "guest":
		return "a guest is a program, not a library"
	case toTier >= fromTier:
		return fmt.Sprintf("arrows run downwards: %s is in tier %d, %s in tier %d", from, fromTier, to, toTier)
	}
	return ""
}

// refusesGuest holds for tests too, but that they may run the cases that the
// built-in plugins share.
func refusesGuest(s source, dir string, ours, standard bool) string {
	switch {
	case ours && within(dir, "sdk"), ours && dir == s.dir():
		return ""
	case s.isTest() && ours && within(dir, "plugins/internal"):
		return ""
	case !ours && standard:
		return ""
	}
	return "a guest imports sdk and the standard library alone, as one outside of this repository would"
}

func importConfined(r *repository) []string {
	var findings []string
	for _, s := range r.code {
		for _, imported := range s.imports {
			for module, folder := range confined {
				if within(imported, module) && !within(s.dir(), folder) && !s.isTest() {
					findings = append(findings, fmt.Sprintf("%s imports %s: only %s may", s.path, imported, folder))
				}
			}
		}
	}
	return findings
}

func smtpServerConfined(r *repository) []string {
	var findings []string
	for _, s := range r.code {
		if s.isTest() || slices.Contains(smtpServerUsers, s.dir()) {
			continue
		}
		for _, use := range selectors(s, "github.com/emersion/go-smtp") {
			if slices.Contains(smtpServer, use.Sel.Name) {
				findings = append(findings, fmt.Sprintf("%s: smtp.%s: go-smtp's server is for %s", s.at(use), use.Sel.Name, strings.Join(smtpServerUsers, " and ")))
			}
		}
	}
	return findings
}

// selectors are the uses of names of an imported package in s.
func selectors(s source, imported string) []*ast.SelectorExpr {
	local := ""
	for _, spec := range s.syntax.Imports {
		if strings.Trim(spec.Path.Value, `"`) == imported {
			local = strings.TrimPrefix(path.Base(imported), "go-")
			if spec.Name != nil {
				local = spec.Name.Name
			}
		}
	}
	var uses []*ast.SelectorExpr
	ast.Inspect(s.syntax, func(n ast.Node) bool {
		if use, ok := n.(*ast.SelectorExpr); ok && local != "" {
			if x, ok := use.X.(*ast.Ident); ok && x.Name == local {
				uses = append(uses, use)
			}
		}
		return true
	})
	return uses
}

func imports(pkg string, paths ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "package %s\n", pkg)
	for _, p := range paths {
		fmt.Fprintf(&b, "import _ %q\n", p)
	}
	return b.String()
}

func TestImportsRunDownwards(t *testing.T) {
	hold(t, importTiers)
	for _, c := range []struct{ file, imported, want string }{
		{"gateway/a.go", modulePath + "/gateway/verp", "arrows run downwards"},
		{"gateway/relay/a.go", modulePath + "/gateway/lmtp", "arrows run downwards"},
		{"gateway/relay/pool/a.go", modulePath + "/gateway/lmtp", "arrows run downwards"},
		{"gateway/verp/a.go", modulePath + "/gateway/server", "arrows run downwards"},
		{"gateway/server/a.go", modulePath + "/cmd/mmgw", "arrows run downwards"},
		{"gateway/other/a.go", "fmt", "in no tier"},
		{"gateway/server/a.go", modulePath + "/sdk/wire", "of sdk only"},
		{"mta/a.go", modulePath + "/sdk", "of sdk only"},
		{"cmd/mmgw/a.go", modulePath + "/plugins/postfix", "not a library"},
		{"sdk/a.go", modulePath + "/gateway", "sdk imports"},
		{"sdk/wire/a.go", "golang.org/x/text/width", "sdk imports"},
		{"plugins/postfix/a.go", modulePath + "/gateway", "a guest imports"},
		{"plugins/postfix/a_test.go", modulePath + "/gateway", "a guest imports"},
		{"wasm-examples/go/a.go", "github.com/emersion/go-smtp", "a guest imports"},
	} {
		catch(t, importTiers, map[string]string{c.file: imports("p", c.imported)}, c.want)
	}
	pass(t, importTiers, map[string]string{
		"cmd/mmgw/a.go":             imports("main", modulePath+"/gateway/server", modulePath+"/gateway"),
		"gateway/sandbox/a.go":      imports("sandbox", modulePath+"/gateway/sandbox/meter", modulePath+"/sdk/wire", "fmt"),
		"gateway/verp/a_test.go":    imports("verp_test", modulePath+"/gateway/server"),
		"plugins/a.go":              imports("plugins", modulePath+"/gateway"),
		"plugins/internal/x/a.go":   imports("x", modulePath+"/sdk/sdktest", modulePath+"/gateway"),
		"plugins/postfix/a.go":      imports("main", modulePath+"/sdk/writer", "strings"),
		"plugins/postfix/a_test.go": imports("main", modulePath+"/plugins/internal/writertest", "testing"),
		"sdk/a.go":                  imports("sdk", modulePath+"/sdk/wire", "strings"),
	})
}

func TestModulesOfOthersAreConfined(t *testing.T) {
	hold(t, importConfined)
	for file, imported := range map[string]string{
		"gateway/pipeline/a.go": "github.com/tetratelabs/wazero/api",
		"gateway/spool/a.go":    "github.com/cockroachdb/pebble/v2",
		"cmd/mmgw/a.go":         "github.com/pelletier/go-toml/v2",
	} {
		catch(t, importConfined, map[string]string{file: imports("p", imported)}, "only")
	}
	pass(t, importConfined, map[string]string{
		"gateway/sandbox/meter/a.go": imports("meter", "github.com/tetratelabs/wazero"),
		"gateway/spool/a_test.go":    imports("spool", "github.com/cockroachdb/pebble/v2/vfs"),
	})
}

func TestSMTPServerIsConfined(t *testing.T) {
	hold(t, smtpServerConfined)
	const server = "package p\nimport \"github.com/emersion/go-smtp\"\nvar s smtp.Server\n"
	catch(t, smtpServerConfined, map[string]string{"gateway/demo/a.go": server}, "smtp.Server")
	catch(t, smtpServerConfined, map[string]string{
		"gateway/demo/a.go": "package p\nimport other \"github.com/emersion/go-smtp\"\nvar s = other.NewServer(nil)\n",
	}, "smtp.NewServer")
	pass(t, smtpServerConfined, map[string]string{"gateway/probe/a.go": server, "gateway/relay/a_test.go": server})
}
