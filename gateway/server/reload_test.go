package server

import (
	"slices"
	"strings"
	"testing"

	"github.com/mmgw/mmgw/gateway"
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
		step := c.set.Incoming(list)[0]
		if _, absent := step.Handler.(missing); absent == c.want {
			t.Errorf("%s: the handler is %T", name, step.Handler)
		}
		if step.Release != nil {
			step.Release()
		}
	}
}
