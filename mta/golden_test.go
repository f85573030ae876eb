package mta_test

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/sandbox"
	"github.com/mmgw/mmgw/mta"
	"github.com/mmgw/mmgw/plugins"
)

// goldenWriters are the trees: the writer of each, and its settings.
var goldenWriters = map[string]struct {
	writer   string
	settings map[string]any
	many     bool // of 10,000 lists too
}{
	"postfix-hash":      {"postfix", map[string]any{"transport_file_type": "hash"}, true},
	"postfix-lmdb":      {"postfix", map[string]any{"transport_file_type": "lmdb"}, false},
	"postfix-texthash":  {"postfix", map[string]any{"transport_file_type": "texthash"}, false},
	"postfix-regexp":    {"postfix", map[string]any{"transport_file_type": "regexp"}, true},
	"postfix-socketmap": {"postfix", map[string]any{"transport_file_type": "socketmap"}, false},
	"exim4":             {"exim4", nil, true},
	"sendmail":          {"sendmail", nil, true},
	"opensmtpd":         {"opensmtpd", nil, true},
	"qmail":             {"qmail", map[string]any{"uid": int64(998), "gid": int64(997)}, true},
	"null":              {"null", nil, false},
}

// goldenLists are one list alone, names with dots and with characters that mean
// something in patterns, a list that is called like another's address, and two
// ways to be known by an alias domain.
var goldenLists = [][2]string{
	{"announce@lists.example.com", ""},
	{"dev.ops@lists.example.com", ""},
	{"odd*^${x}?@lists.example.com", ""},
	{"MixedCase@lists.example.com", ""},
	{"announce-owner@lists.example.com", ""},
	{"news@virtual.example.org", "alias.example.org"},
	{"news-join@virtual.example.org", "other.example.org"},
	{"plain@virtual.example.org", ""},
}

var goldenForwards = []mta.ForwardDomain{{Domain: "mm3.example.com", To: "lmtp:127.0.0.1:8025"}}

func goldenSite(settings map[string]any) mta.Site {
	return mta.Site{
		Hostname: "mx.example.com", LMTPTarget: "localhost:8024", LookupTarget: "127.0.0.1:8026", VERPDelimiter: "+",
		SMTPHost: "localhost", StateDir: "/var/lib/mmgw", Dir: "/var/lib/mmgw/mta", Configuration: settings,
	}
}

func newList(address, alias string) gateway.List {
	path := gateway.ForwardPath(address)
	return gateway.List{ID: gateway.NewListID(path), Address: path, AliasDomain: alias}
}

// TestGolden renders the trees of testdata/golden by the modules that are built
// in, twice, and installs them; and of 10,000 lists it compares a digest. With
// UPDATE=1 in the environment it writes them again.
func TestGolden(t *testing.T) {
	var lists, many []gateway.List
	for _, l := range goldenLists {
		lists = append(lists, newList(l[0], l[1]))
	}
	for i := range 10_000 {
		many = append(many, newList(fmt.Sprintf("list-%d@d%d.example.com", i, i%7), ""))
	}
	host, err := sandbox.New(sandbox.Env{})
	if err != nil {
		t.Fatal(err)
	}
	defer host.Close(t.Context())
	var digests strings.Builder
	for _, name := range slices.Sorted(maps.Keys(goldenWriters)) {
		g := goldenWriters[name]
		wasm, _ := plugins.Lookup(g.writer)
		p, err := host.Load(t.Context(), sandbox.Spec{Name: g.writer, Wasm: wasm, Fuel: 100 * sandbox.FuelDefault, Timeout: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		site := goldenSite(g.settings)
		files, err := mta.RenderTwice(t.Context(), p, mta.Inventory(site, lists, goldenForwards))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		checkGolden(t, filepath.Join("testdata", "golden", name+".txtar"), archiveOf(files))
		tree := mta.Tree{Dir: filepath.Join(t.TempDir(), "mta")}
		if _, err := tree.Apply(t.Context(), files, mta.Options{}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if g.many && !testing.Short() {
			files, err = mta.Render(t.Context(), p, mta.Inventory(site, many, goldenForwards))
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			fmt.Fprintf(&digests, "%x  %s\n", sha256.Sum256([]byte(archiveOf(files))), name)
		}
		p.Close()
	}
	if !testing.Short() {
		checkGolden(t, filepath.Join("testdata", "golden", "10000-lists.sha256"), digests.String())
	}
}

func archiveOf(files []gateway.File) string {
	var a txtar.Archive
	for _, f := range files {
		a.Files = append(a.Files, txtar.File{Name: f.Path, Data: f.Data})
	}
	return string(txtar.Format(&a))
}

func checkGolden(t *testing.T, path, got string) {
	t.Helper()
	if os.Getenv("UPDATE") != "" {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		write(t, path, got)
		return
	}
	want, err := os.ReadFile(path)
	if err != nil || string(want) != got {
		t.Errorf("%s: %v\n%s", path, err, got)
	}
}
