package server

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/config"
)

// TestForwardRoutesWaitForARestart adds a route to a gateway that runs: it must
// not take mail for a domain whose next hop it does not know.
func TestForwardRoutesWaitForARestart(t *testing.T) {
	const route = "[[forward]]\nname = \"backend\"\ndomains = [\"backend.example.com\"]\nto = \"lmtp:127.0.0.1:1\"\nverify = \"none\"\n"
	p := newPlace(t)
	s := p.run(p.load(devList))
	next := p.load(devList + route)
	if err := s.Reload(t.Context(), next); err != nil {
		t.Fatal(err)
	}
	if got := p.post("anne@backend.example.com"); !strings.HasPrefix(got, "550 5.1.1 ") {
		t.Errorf("at the new domain: %s", got)
	}
	if got := waitingSections(s.cfg, next); !slices.Equal(got, []string{"forwards"}) {
		t.Errorf("waiting for a restart: %q", got)
	}
}

// TestReloadChangesTheSettingsOfTheWriter has the MTA's files follow a new
// [mta.configuration] at once, and go on naming the port that is listened at.
func TestReloadChangesTheSettingsOfTheWriter(t *testing.T) {
	const settings = "[mta.configuration]\ntransport_file_type = "
	p := newPlace(t)
	s := p.run(p.load(settings + "\"texthash\"\n" + devList))
	if err := s.Reload(t.Context(), p.load(settings+"\"regexp\"\n"+devList)); err != nil {
		t.Fatal(err)
	}
	files, err := s.MTAFiles(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(files, func(f gateway.File) bool { return f.Path == "postfix_lmtp" })
	if i < 0 || !strings.Contains(string(files[i].Data), `/^dev@lists\.example\.com$/`) {
		t.Fatalf("no regexp table among %d files", len(files))
	}
	if strings.Contains(string(files[i].Data), "127.0.0.1]:0\n") {
		t.Error("the MTA is told port 0")
	}
	if got := MTAOptions(s.mtaConfig()).FileType; got != "regexp" {
		t.Errorf("the tables are compiled as %s", got)
	}
}

// TestBridge: a list that comes with a reload has its handlers from the first
// message on, although the roster knows it a moment before its modules work.
func TestBridge(t *testing.T) {
	p := newPlace(t)
	p.example("refuse")
	s := p.run(p.load(strings.Replace(devList, "members", "incoming = [\"refuse\"]\nmembers", 1)))
	next := s.loaded.Load()
	old := &moduleSet{cfg: next.cfg}
	list, err := s.roster.List("dev.lists.example.com")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		set  *moduleSet
		want bool
	}{"the old set": {old, false}, "the bridge": {bridge(old, next), true}} {
		step := c.set.chains().Incoming(list)[0]
		if _, absent := step.Handler.(missing); absent == c.want {
			t.Errorf("%s: the handler is %T", name, step.Handler)
		}
		if step.Release != nil {
			step.Release()
		}
	}
}

// TestReloadTakesTextsOn: the next answer is in the site's own words, and texts
// that cannot be used leave everything as it is, each named.
func TestReloadTakesTextsOn(t *testing.T) {
	p := newPlace(t)
	cfg := p.load(devList)
	cfg.TextDir = p.dir
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(p.dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := p.run(cfg)
	write("answer.txt", "no subject")
	write("left.txt", "Subject: x\n\n{{.Nobody}}\n")
	var problems config.Problems
	if err := s.Reload(t.Context(), cfg); !errors.As(err, &problems) || len(problems) != 2 {
		t.Fatalf("two wrong texts: %v", err)
	}
	write("answer.txt", "Subject: Servus\n\n")
	write("left.txt", "Subject: x\n\n")
	if err := s.Reload(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	p.post("dev-join@lists.example.com") // she is a member already
	if sent := <-p.sent; !strings.Contains(string(sent.Content), "Subject: Servus\r\n") {
		t.Errorf("the answer: %s", sent.Content)
	}
}
