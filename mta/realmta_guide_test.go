package mta_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// guideBlocks finds the blocks of README.md: the section, the language, the
// name, the text.
var guideBlocks = regexp.MustCompile("(?ms)^## ([^\n]+)$|^```(\\w+)(?: ([^\n]+))?\n(.*?)^```$")

// guide is a block of README.md, by the heading above it and the name after its
// language, with the site's folder and addresses.
func (s *realSite) guide(section, name string) string {
	s.t.Helper()
	readme, err := os.ReadFile("README.md")
	if err != nil {
		s.t.Fatal(err)
	}
	here := ""
	for _, m := range guideBlocks.FindAllStringSubmatch(string(readme), -1) {
		switch {
		case m[1] != "":
			here = m[1]
		case here == section && m[3] == name:
			return s.own(m[4])
		}
	}
	s.t.Fatalf("README.md has no block %q below %q", name, section)
	return ""
}

// own has the site's folder and addresses where the guide has those of an
// installation.
func (s *realSite) own(text string) string {
	return strings.NewReplacer(
		"/var/lib/mmgw/mta", s.mtaDir(),
		"127.0.0.1:8024", s.lmtp,
		"127.0.0.1:8026", s.lookup,
		"/usr/bin/mmgw", s.command,
	).Replace(text)
}

// guideConfigurations has mmgw check what the guide shows for mmgw.toml, and
// render the MTA's files for it.
func guideConfigurations(t *testing.T, command string) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for _, m := range guideBlocks.FindAllStringSubmatch(string(readme), -1) {
		if m[2] != "toml" {
			continue
		}
		checked++
		file := filepath.Join(t.TempDir(), "mmgw.toml")
		block := strings.ReplaceAll(m[4], `socket_group = "postfix"`, `socket_group = "`+existingGroup("postfix", "mail")+`"`)
		write(t, file, "state_dir = \"state\"\n"+block+"[[list]]\naddress = \"dev@lists.example.com\"\n")
		for _, what := range [][]string{{"check"}, {"mta", "show"}} {
			if out, err := exec.Command(command, append(what, "--config", file)...).CombinedOutput(); err != nil {
				t.Errorf("mmgw %s: %v\n%s\nfor\n%s", strings.Join(what, " "), err, out, m[4])
			}
		}
	}
	if checked < 6 {
		t.Errorf("README.md has %d blocks for mmgw.toml", checked)
	}
}
