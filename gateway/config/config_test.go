package config

import (
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/mmgw/mmgw/gateway"
)

const oneList = "[[list]]\naddress = \"announce@lists.example.com\"\n"

// full reads testdata/full.toml: every key of the operator's manual, with its
// default or, where the manual says so, an example.
func full(t *testing.T) *Config {
	t.Helper()
	opts := testOptions(nil)
	opts.Open = nil
	c, err := Load("testdata/full.toml", opts)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func parse(t *testing.T, text string, files map[string]string) *Config {
	t.Helper()
	c, err := Parse("mmgw.toml", []byte(text), testOptions(files))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestDefaults holds that a file with nothing but a list means the same as the
// one that spells the defaults out.
func TestDefaults(t *testing.T) {
	want, got := full(t), parse(t, oneList, nil)
	for _, part := range []struct {
		name      string
		want, got any
	}{
		{"plugin_dir", want.PluginDir, got.PluginDir},
		{"keep_for_replay", want.KeepForReplay, got.KeepForReplay},
		{"[mta]", want.MTA, got.MTA},
		{"[lmtp]", want.LMTP, got.LMTP},
		{"[verp]", want.VERP, got.VERP},
		{"[incoming]", len(want.Incoming.Handlers), len(got.Incoming.Handlers)},
		{"[incoming] timeout", want.Incoming.Timeout, got.Incoming.Timeout},
		{"[incoming] reject", want.Incoming.Reject, got.Incoming.Reject},
		{"[outgoing]", want.Outgoing, got.Outgoing},
		{"[auth] arc", want.Auth.ARC, got.Auth.ARC},
		{"[auth] authserv_id", want.Auth.AuthservID, got.Auth.AuthservID},
		{"[bounce]", want.Bounce, got.Bounce},
		{"[http]", want.HTTP, got.HTTP},
		{"[lookup]", want.Lookup, got.Lookup},
		{"[metrics]", want.Metrics, got.Metrics},
		{"[log]", want.Log, got.Log},
	} {
		if !reflect.DeepEqual(part.want, part.got) {
			t.Errorf("%s: the manual says %+v, the default is %+v", part.name, part.want, part.got)
		}
	}

	wantPlugin, gotPlugin := want.Plugin("tag"), got.Plugin("tag")
	wantPlugin.Config, wantPlugin.Lines, wantPlugin.CapabilitiesGiven = map[string]any{}, nil, false
	wantPlugin.OptionalCapabilities = nil
	if !reflect.DeepEqual(wantPlugin, gotPlugin) {
		t.Errorf("[plugins.tag]: the manual says %+v, the default is %+v", wantPlugin, gotPlugin)
	}

	wantList, gotList := want.Lists[0].List, got.Lists[0].List
	wantList.Owners, wantList.Incoming, wantList.Moderators = nil, nil, nil // examples, and an empty array
	wantList.Line = gotList.Line
	if !reflect.DeepEqual(wantList, gotList) {
		t.Errorf("[[list]]: the manual says %+v, the default is %+v", wantList, gotList)
	}
}

// TestFull looks at what the examples of the manual became.
func TestFull(t *testing.T) {
	c := full(t)
	if c.StateDir != "/var/lib/mmgw" || c.Hostname != "mx.example.com" || c.SiteOwner != "postmaster@mx.example.com" {
		t.Errorf("state_dir %q, hostname %q, site_owner %q", c.StateDir, c.Hostname, c.SiteOwner)
	}
	l := c.Lists[0]
	wantMembers := []gateway.Recipient{
		{Path: "anne@example.com"},
		{Path: "bart@example.com", Name: "Bart Person"},
		{Path: "cate@example.com", Name: "Cate, O."},
		{Path: "dora@example.com"},
	}
	if !reflect.DeepEqual(l.Members, wantMembers) {
		t.Errorf("members %v", l.Members)
	}
	if l.ID != "announce.lists.example.com" || l.Source != "file" || l.VERPInterval != 1 || l.Incoming[0] != "tag" {
		t.Errorf("list %+v", l.List)
	}
	if text, _ := os.ReadFile("testdata/full.toml"); strings.Split(string(text), "\n")[l.Line-1] != "[[list]]" {
		t.Errorf("line %d is not that of the list", l.Line)
	}
	if got := c.Forwards[0].To; got != (NextHop{"lmtp", Endpoint{"tcp", "127.0.0.1:8025"}}) {
		t.Errorf("forward to %v", got)
	}
	if got := c.Routes["bulk"].To.String(); got != "smtp:127.0.0.1:2525" {
		t.Errorf("route to %v", got)
	}
	if got, _ := gateway.LookupConfig(c.Plugins["tag"].Config, "prefix"); got != "[dev]" {
		t.Errorf("prefix %q", got)
	}
	doubt, likely := c.Misspelt("tag", "prefixes", []string{"other", "prefix"})
	if text, _ := os.ReadFile("testdata/full.toml"); !likely || !strings.HasPrefix(strings.Split(string(text), "\n")[doubt.Line-1], "prefix =") {
		t.Errorf("doubt of %q: %v", doubt.Text, likely)
	}
	if doubt, likely := c.Misspelt("tag", "words", []string{"prefix"}); likely {
		t.Errorf("doubt of %q", doubt.Text)
	}
}

// TestPluginsPage holds that the page for operators has every key of a plugin,
// with its default.
func TestPluginsPage(t *testing.T) {
	page, err := os.ReadFile("../../plugins/README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, block, _ := strings.Cut(string(page), "```toml\n")
	block, _, _ = strings.Cut(block, "```")
	want := parse(t, oneList+"[plugins.tag]\ncapabilities = [\"headers\", \"body\"]\n", nil).Text()
	if got := parse(t, oneList+block, nil).Text(); got != want {
		t.Errorf("the page says\n%s\nthe defaults are\n%s", got, want)
	}
	_, keys, _ := strings.Cut(want, "[plugins.tag]\n")
	keys, _, _ = strings.Cut(keys, "\n\n")
	for line := range strings.Lines(keys) {
		if key, _, _ := strings.Cut(line, " = "); !strings.Contains(block, "\n"+key+" = ") {
			t.Errorf("%s is not on the page", key)
		}
	}
}

// TestText holds that the effective configuration parses and says the same.
func TestText(t *testing.T) {
	files := map[string]string{
		"m": "anne@example.com\n", "pw": "hunter2\n", "k.pem": edKey, "x.wasm": "module",
	}
	for name, c := range map[string]*Config{
		"full":    full(t),
		"minimal": parse(t, oneList, nil),
		"empty":   parse(t, "", nil),
		"rich": parse(t, oneList+`
members = ["Bart \"B\" Person <bart@example.com>", '"a b"@example.com']
incoming = []
verp_interval = 7
description = "quotes \" and \\ and é"
config = { api_token = "hunter2", n = [1, 2.0, -inf, true, { "a b" = "\u0007" }], at = 1979-05-27T07:32:00Z }
[[list]]
address = "dev@lists.example.com"
members = "m"
[mta]
incoming = "exim"
smtp_user = "u"
smtp_pass_file = "pw"
lmtp_socket = "run/lmtp"
lmtp_advertise = "unix:/run/mmgw/lmtp"
[auth]
dkim = [{ domain = "example.com", selector = "s1", key_file = "k.pem" }]
[plugins.x]
path = "x.wasm"
breaker = { failures = 3 }
shadow = "tag"
[http]
listen = "[::1]:8080"
url = "http://[::1]:8080/"
`, files),
	} {
		t.Run(name, func(t *testing.T) {
			text := c.Text()
			if strings.Contains(text, "hunter2") {
				t.Error("a secret is shown")
			}
			opts := testOptions(files)
			if name == "full" {
				opts.Open = nil
			}
			again, err := Parse("mmgw.toml", []byte(text), opts)
			if err != nil {
				t.Fatalf("%v\nin:\n%s", err, text)
			}
			if got := again.Text(); got != text {
				t.Errorf("once:\n%stwice:\n%s", text, got)
			}
		})
	}
}

func TestExample(t *testing.T) {
	dir := t.TempDir()
	file, membersFile := Example("postfix")
	for name, text := range map[string]string{ExampleFile: file, ExampleMembersFile: membersFile} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	opts := testOptions(nil)
	opts.Open = nil
	c, err := Load(filepath.Join(dir, ExampleFile), opts)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Lists) != 1 || len(c.Lists[0].Members) != 2 || c.StateDir != filepath.Join(dir, "state") {
		t.Errorf("lists %+v in %s", c.Lists, c.StateDir)
	}
	if other, _ := Example("opensmtpd"); !strings.Contains(other, "[lmtp]\nreply_pause = \"20ms\"\n") {
		t.Error("OpenSMTPD gets its replies in one packet")
	}
	if other, _ := Example(`x"`); !strings.Contains(other, `incoming = "x\""`) {
		t.Error("the name of a writer is not quoted")
	}
}

func TestMachine(t *testing.T) {
	env := func(vars ...string) func(string) string {
		return func(name string) string {
			for i := 0; i < len(vars); i += 2 {
				if vars[i] == name {
					return vars[i+1]
				}
			}
			return ""
		}
	}
	for _, c := range []struct {
		name, want string
		opts       Options
	}{
		{"root", "/var/lib/mmgw", Options{Root: true}},
		{"xdg", "/x/mmgw", Options{Getenv: env("XDG_STATE_HOME", "/x", "HOME", "/h")}},
		{"relative xdg", "/h/.local/state/mmgw", Options{Getenv: env("XDG_STATE_HOME", "x", "HOME", "/h")}},
	} {
		got, err := Parse("mmgw.toml", nil, c.opts)
		if err != nil || got.StateDir != c.want {
			t.Errorf("%s: %v, %v", c.name, got, err)
		}
	}
	if _, err := Parse("mmgw.toml", nil, Options{Getenv: env()}); err == nil || !strings.Contains(err.Error(), "state_dir") {
		t.Errorf("without HOME: %v", err)
	}
	odd, err := Parse("mmgw.toml", nil, Options{Root: true, Hostname: func() (string, error) { return "my_box", nil }})
	if err != nil || odd.Hostname != "localhost" || odd.Auth.AuthservID != "localhost" {
		t.Errorf("odd host name: %+v, %v", odd, err)
	}
	if FindPath("a", "b") != "a" || FindPath("", "b") != "b" || FindPath("", "") != DefaultPath {
		t.Error("FindPath")
	}
	if _, err := Load("testdata/none.toml", Options{}); err == nil || !strings.HasPrefix(err.Error(), "testdata/none.toml: cannot be read") {
		t.Errorf("a missing file: %v", err)
	}
}

// TestNotRegular holds that a configuration that names a directory or a device
// does not hang or read for ever.
func TestNotRegular(t *testing.T) {
	for _, path := range []string{"/dev/zero", t.TempDir()} {
		_, err := Parse("mmgw.toml", []byte(oneList+"members = \""+path+"\"\n"), Options{Root: true})
		if err == nil || !strings.Contains(err.Error(), "not a regular file") {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestWiderAllow(t *testing.T) {
	c := parse(t, "[mta]\nlmtp_host = \"0.0.0.0\"\n[lmtp]\nallow = [\"192.0.2.25\"]\n", nil)
	if c.LMTP.Allow[0] != netip.MustParsePrefix("192.0.2.25/32") || c.MTA.ListenAddress() != "0.0.0.0:8024" {
		t.Errorf("%+v", c.LMTP)
	}
}

func TestUnits(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"0": 0, "5d": 120 * time.Hour, "1h30m": 90 * time.Minute, "20ms": 20 * time.Millisecond, "60s": time.Minute,
	} {
		got, err := ParseDuration(text)
		if again, _ := ParseDuration(FormatDuration(got)); err != nil || got != want || again != want {
			t.Errorf("%s: %v, %v, %v", text, got, err, again)
		}
	}
	for _, text := range []string{"", "5", "d", "-1s", "1.5h", "5 d", "1h ", "99999999d", "200000d200000d", "5D", "5µs"} {
		if got, err := ParseDuration(text); err == nil {
			t.Errorf("%q is %v", text, got)
		}
	}
	for text, want := range map[string]int64{"0": 0, "32MiB": 32 << 20, "10kB": 10_000, "1GB": 1e9, "17B": 17} {
		got, err := ParseSize(text)
		if again, _ := ParseSize(FormatSize(got)); err != nil || got != want || again != want {
			t.Errorf("%s: %v, %v, %v", text, got, err, again)
		}
	}
	for _, text := range []string{"", "32", "MiB", "-1B", "1.5MiB", "1MiB1B", "99999999999GiB", "1mib"} {
		if got, err := ParseSize(text); err == nil {
			t.Errorf("%q is %v", text, got)
		}
	}
}

func TestNearest(t *testing.T) {
	known := []string{"smtp_host", "smtp_port", "lmtp_host"}
	for key, want := range map[string]string{"smtp_hots": "smtp_host", "smtphost": "smtp_host", "zzz": "", "": "", strings.Repeat("x", 100): ""} {
		if got := nearest(key, known); got != want {
			t.Errorf("nearest %q is %q", key, got)
		}
	}
}

// edKey is a private key.
const edKey = `-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEILX8HBVLt8b4SHj3SK3wjYs7izI/obp3j1e8oUlokHQU
-----END PRIVATE KEY-----
`
