package check

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/mmgw/mmgw/mta"
)

func TestParseMainCF(t *testing.T) {
	got := parseMainCF("# a comment\n  before all\nmydestination = $myhostname,\n\n# between\n\tlocalhost\nempty =\nno setting\nmynetworks=127.0.0.0/8 # no comment\n")
	want := []setting{
		{"mydestination", "$myhostname, localhost", 3},
		{"empty", "", 7},
		{"mynetworks", "127.0.0.0/8 # no comment", 9},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
}

func FuzzParseMainCF(f *testing.F) {
	f.Add("a = b\n c\n")
	f.Fuzz(func(t *testing.T, text string) {
		for _, s := range parseMainCF(text) {
			if s.line < 1 || s.line > strings.Count(text, "\n")+1 || strings.ContainsRune(s.name, '=') {
				t.Errorf("%+v", s)
			}
		}
	})
}

// TestSettingLines: what main.cf says stays in the line to write.
func TestSettingLines(t *testing.T) {
	dir := t.TempDir()
	text := "transport_maps = hash:/old\nmydestination = $myhostname, lists.example.com\ntransport_maps = hash:/etc/postfix/transport\n"
	if err := os.WriteFile(filepath.Join(dir, "main.cf"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	have := parsePostconf("config_directory = " + dir + "\nmydestination = mx.example.com, lists.example.com\nmyhostname = mx.example.com\nempty =\n")
	have.readMainCF()
	if f := have.finding("x", "transport_maps", have.with("transport_maps", []string{"hash:/a", "hash:/b"}, nil)); f.Line != 3 ||
		f.Fix != "transport_maps = hash:/etc/postfix/transport, hash:/a, hash:/b" {
		t.Errorf("%+v", f)
	}
	for element, want := range map[string]string{
		"lists.example.com": "$myhostname",
		"mx.example.com":    "lists.example.com", // it is there by the name of a setting
	} {
		if got := have.without("mydestination", element); got != want {
			t.Errorf("without %s: %q", element, got)
		}
	}
	if got := have.with("relay_domains", []string{"hash:/a"}, nil); got != "hash:/a" {
		t.Error(got)
	}
}

// TestTablesOf: who goes from one type of tables to another is told to take those
// of the first out.
func TestTablesOf(t *testing.T) {
	s := Site{Tree: &mta.Tree{Dir: "/state/mta"}}
	have := parsePostconf("transport_maps = hash:/etc/postfix/transport, proxy:hash:/state/mta/postfix_lmtp\nlocal_recipient_maps = hash:/state/mta/postfix_lmtp\n")
	have.raw = have.effective
	for name, want := range map[string]string{
		"transport_maps":       "transport_maps = hash:/etc/postfix/transport, regexp:/state/mta/postfix_lmtp",
		"local_recipient_maps": "local_recipient_maps = regexp:/state/mta/postfix_lmtp",
	} {
		f := s.setting(have, setting{name: name, value: "regexp:/state/mta/postfix_lmtp"})
		if len(f) != 1 || f[0].Fix != want {
			t.Errorf("%+v, want %q", f, want)
		}
	}
	if f := s.setting(have, setting{name: "transport_maps", value: "hash:/state/mta/postfix_lmtp"}); f != nil {
		t.Errorf("%+v", f)
	}
}

func TestHas(t *testing.T) {
	list := words("proxy:hash:/a, hash:/b\thash:/c,hash:/d")
	for table, want := range map[string]bool{"hash:/a": true, "hash:/b": true, "hash:/c": true, "hash:/d": true, "hash:/e": false, "texthash:/b": false} {
		if has(list, table) != want {
			t.Errorf("%s: %t", table, !want)
		}
	}
}

func TestUpwards(t *testing.T) {
	if got := strings.Join(upwards("/var/lib/mmgw/mta"), " "); got != "/ /var /var/lib /var/lib/mmgw /var/lib/mmgw/mta" {
		t.Error(got)
	}
	if got := strings.Join(upwards("/"), " "); got != "/" {
		t.Error(got)
	}
}
