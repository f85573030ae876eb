package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/mmgw/mmgw/gateway/server"
)

// A list moves from a real Mailman by the commands that the README shows.
func TestFromMailman(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(readme), "\n## From GNU Mailman\n")
	script := regexp.MustCompile("(?s)```sh\n(.*?)```").FindStringSubmatch(section)
	if script == nil {
		t.Fatal("the README shows no commands")
	}
	const list = "dev@lists.example.com"
	m := newMailman(t, freeAddress(t), freeAddress(t), "")
	m.command("", "create", "--owner", "owner@example.com", "--owner", "Second@example.com", list)
	m.command("anne@example.com\nBärbel Müller <Barbel@example.com>\n\"Doe, John\" <john@example.org>\n", "addmembers", "-", list)
	m.command("zoe@example.com\n", "addmembers", "--delivery", "disabled", "-", list)

	s := newSite(t, "")
	env := append(os.Environ(), "MMGW_CONFIG="+s.file(), "PATH="+m.onPath()+":"+os.Getenv("PATH"))
	mmgw := func(result any, args ...string) {
		c := exec.Command("mmgw", append(args, "--json")...)
		c.Env = env
		out, err := c.Output()
		if err == nil {
			err = json.Unmarshal(out, result)
		}
		if err != nil {
			t.Fatalf("mmgw %s: %v\n%s", args, err, out)
		}
	}
	c := exec.Command("sh", "-e", "-c", script[1])
	c.Env = env
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var moved server.ListRow
	if mmgw(&moved, "list", "show", list); !slices.Equal(moved.Owners, []string{"owner@example.com", "Second@example.com"}) {
		t.Errorf("owners: %q", moved.Owners)
	}
	var rows []server.MemberRow
	mmgw(&rows, "member", "ls", list)
	var members strings.Builder
	for _, r := range rows {
		fmt.Fprintf(&members, "%s <%s> %s\n", r.Name, r.Address, r.State)
	}
	const want = ` <anne@example.com> enabled
Bärbel Müller <Barbel@example.com> enabled
Doe, John <john@example.org> enabled
 <zoe@example.com> disabled
`
	if got := members.String(); got != want {
		t.Errorf("members:\n%s\nwant:\n%s", got, want)
	}
}

// onPath is a folder with Mailman's command, as an installed one would be found.
func (m *mailman) onPath() string {
	m.t.Helper()
	c := m.python(m.program("mailman"), "--run-as-root")
	text := "#!/bin/sh\n"
	for _, assignment := range c.Env[len(c.Env)-2:] {
		text += "export '" + assignment + "'\n"
	}
	text += "exec '" + strings.Join(c.Args, "' '") + "' \"$@\"\n"
	dir := m.t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "mailman"), []byte(text), 0o700); err != nil {
		m.t.Fatal(err)
	}
	return dir
}
