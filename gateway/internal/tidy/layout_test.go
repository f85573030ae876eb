package tidy

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"testing"
)

// The names at the top, all of them and no others.
var (
	topFolders = []string{".ci", "cmd", "gateway", "mta", "plugins", "sdk", "testdata", "wasm-examples"}
	topFiles   = []string{".gitignore", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "README.md", "go.mod", "go.sum"}
)

// emptyNames say nothing about what is in a folder.
var emptyNames = []string{"util", "utils", "helper", "helpers", "common", "manager", "managers", "misc"}

// internalFolders are those that may be named internal: not a second house.
var internalFolders = []string{"gateway/internal", "plugins/internal", "sdk/internal"}

// modulesMax bounds the modules that go.mod requires directly: each is read,
// followed and explained.
const modulesMax = 12

func topLevel(r *repository) []string {
	var findings []string
	for kind, c := range map[string]struct{ have, want []string }{
		"folder": {r.dirs, topFolders},
		"file":   {r.files, topFiles},
	} {
		for _, p := range c.have {
			if !strings.Contains(p, "/") && !slices.Contains(c.want, p) {
				findings = append(findings, fmt.Sprintf("%s: no %s of this name belongs at the top; there are %s", p, kind, strings.Join(c.want, " ")))
			}
		}
		for _, p := range c.want {
			if !slices.Contains(c.have, p) {
				findings = append(findings, fmt.Sprintf("the %s %s is missing at the top", kind, p))
			}
		}
	}
	return findings
}

func folderNames(r *repository) []string {
	var findings []string
	for _, dir := range r.dirs {
		name := path.Base(dir)
		if slices.Contains(emptyNames, name) {
			findings = append(findings, dir+": name the folder after what it owns")
		}
		if name == "internal" && !slices.Contains(internalFolders, dir) {
			findings = append(findings, dir+": internal folders are only "+strings.Join(internalFolders, ", "))
		}
	}
	return findings
}

func directModules(r *repository) []string {
	text, err := fs.ReadFile(r.fsys, "go.mod")
	if err != nil {
		return []string{err.Error()}
	}
	var direct []string
	inRequire := false
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		switch {
		case len(fields) == 0:
		case fields[0] == "require" && len(fields) > 1 && fields[1] == "(":
			inRequire = true
		case fields[0] == ")":
			inRequire = false
		case strings.HasSuffix(strings.TrimSpace(line), "// indirect"):
		case inRequire:
			direct = append(direct, fields[0])
		case fields[0] == "require":
			direct = append(direct, fields[1])
		}
	}
	if len(direct) > modulesMax {
		return []string{fmt.Sprintf("go.mod requires %d modules directly, %d are allowed: %s", len(direct), modulesMax, strings.Join(direct, " "))}
	}
	return nil
}

// wholeTop is a repository with every name at the top.
func wholeTop() map[string]string {
	files := map[string]string{}
	for _, name := range topFiles {
		files[name] = ""
	}
	for _, name := range topFolders {
		files[name+"/a.txt"] = ""
	}
	return files
}

func TestTopLevel(t *testing.T) {
	hold(t, topLevel)
	pass(t, topLevel, wholeTop())
	extra := wholeTop()
	extra["docs/a.txt"] = ""
	catch(t, topLevel, extra, "docs: no folder")
	extra = wholeTop()
	extra["Makefile"] = ""
	catch(t, topLevel, extra, "Makefile: no file")
	missing := wholeTop()
	delete(missing, "LICENSE")
	catch(t, topLevel, missing, "LICENSE is missing")
	ignored := wholeTop()
	ignored[".gitignore"], ignored["mmgw"], ignored["a/b.test"] = "/mmgw\n*.test\n/a/\n", "", ""
	pass(t, topLevel, ignored)
}

func TestFolderNames(t *testing.T) {
	hold(t, folderNames)
	catch(t, folderNames, map[string]string{"gateway/util/a.txt": ""}, "gateway/util: name the folder")
	catch(t, folderNames, map[string]string{"mta/internal/a.txt": ""}, "internal folders are only")
	pass(t, folderNames, map[string]string{"gateway/internal/tidy/a.txt": "", "gateway/utility-poles/a.txt": ""})
}

func TestDirectModules(t *testing.T) {
	hold(t, directModules)
	goMod := func(direct int) map[string]string {
		text := "module m\nrequire a.example v1.0.0\nrequire (\n\tb.example v1.0.0 // indirect\n"
		for i := range direct - 1 {
			text += fmt.Sprintf("\tc.example/%d v1.0.0\n", i)
		}
		return map[string]string{"go.mod": text + ")\n"}
	}
	pass(t, directModules, goMod(modulesMax))
	catch(t, directModules, goMod(modulesMax+1), "requires 13 modules")
}
