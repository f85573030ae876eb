package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/authres"
	"github.com/mmgw/mmgw/gateway/config"
	"github.com/mmgw/mmgw/gateway/probe"
	"github.com/mmgw/mmgw/gateway/store"
	"github.com/mmgw/mmgw/gateway/verp"
	"github.com/mmgw/mmgw/plugins"
	examples "github.com/mmgw/mmgw/wasm-examples"
)

// place is a directory with a configuration and an upstream MTA.
type place struct {
	t    *testing.T
	dir  string
	sent chan probe.Transaction
	smtp string      // port
	dns  authres.DNS // nil: that of the system
}

func newPlace(t *testing.T) *place {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &place{t: t, dir: t.TempDir(), sent: make(chan probe.Transaction, 100)}
	_, p.smtp, _ = net.SplitHostPort(listener.Addr().String())
	sink := &probe.Sink{KeepContent: true, Record: func(tr probe.Transaction) { p.sent <- tr }}
	served := make(chan error, 1)
	go func() { served <- sink.Serve(listener) }()
	t.Cleanup(func() { sink.Close(); listener.Close(); <-served })
	return p
}

// load reads a configuration in the place.
func (p *place) load(text string) *config.Config {
	p.t.Helper()
	file := filepath.Join(p.dir, "mmgw.toml")
	head := "state_dir = \"s\"\nplugin_dir = \".\"\nhostname = \"gw.example.com\"\n" +
		"[mta]\nlmtp_port = 0\nlmtp_socket = \"lmtp.sock\"\nsmtp_host = \"127.0.0.1\"\nsmtp_port = " + p.smtp + "\n"
	if err := os.WriteFile(file, []byte(head+text), 0o600); err != nil {
		p.t.Fatal(err)
	}
	cfg, err := config.Load(file, config.Options{Known: func(name string) bool { _, ok := plugins.Lookup(name); return ok }})
	if err != nil {
		p.t.Fatal(err)
	}
	return cfg
}

// example puts the module of an example into the place.
func (p *place) example(name string) {
	p.t.Helper()
	wasm, ok := examples.Lookup(name)
	if !ok {
		p.t.Fatalf("no example %s", name)
	}
	if err := os.WriteFile(filepath.Join(p.dir, name+".wasm"), wasm, 0o600); err != nil {
		p.t.Fatal(err)
	}
}

// run starts a gateway; it is stopped, and must stop well, when the test ends.
func (p *place) run(cfg *config.Config) *Server {
	p.t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	ready := make(chan struct{})
	s, err := Open(ctx, cfg, Env{Ready: func() { close(ready) }, DNS: p.dns})
	if err != nil {
		stop()
		p.t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx) }()
	p.t.Cleanup(func() {
		stop()
		if err := errors.Join(<-served, s.Close()); err != nil {
			p.t.Errorf("stop: %v", err)
		}
	})
	<-ready
	return s
}

// post hands a message in by the Unix socket and returns the reply.
func (p *place) post(to gateway.ForwardPath) string { return p.postAs(to.Local(), to) }

// postAs is post with a Message-ID of the caller's.
func (p *place) postAs(id string, to gateway.ForwardPath) string {
	p.t.Helper()
	client, err := probe.Dial(p.t.Context(), "unix:"+filepath.Join(p.dir, "lmtp.sock"))
	if err != nil {
		p.t.Fatal(err)
	}
	defer client.Close()
	content := fmt.Sprintf("From: anne@example.com\r\nSubject: hello\r\nMessage-ID: <%s@x>\r\n\r\nhi\r\n", id)
	replies, err := client.Send(p.t.Context(), "anne@example.com", []gateway.ForwardPath{to}, []byte(content))
	if err != nil {
		p.t.Fatal(err)
	}
	return replies[0].Status.Reply()
}

const devList = "[[list]]\naddress = \"dev@lists.example.com\"\nmembers = [\"anne@example.com\"]\n"

// A gateway that fails ends by itself, in order: a supervisor waits for that.
func TestServeEndsWhenItFails(t *testing.T) {
	p := newPlace(t)
	s, err := Open(t.Context(), p.load(devList), Env{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	r := s.running(context.Background())
	r.failed <- ErrStateDir
	if err := r.serve(); !errors.Is(err, ErrStateDir) {
		t.Error(err)
	}
}

func TestServeOnUnixSocket(t *testing.T) {
	p := newPlace(t)
	p.run(p.load(devList))
	if got := p.post("dev@lists.example.com"); got != "250 2.0.0 accepted" {
		t.Fatal(got)
	}
	if sent := <-p.sent; sent.Rcpts[0] != "anne@example.com" || !strings.HasPrefix(sent.MailFrom, "dev-bounces+") {
		t.Errorf("sent %+v", sent)
	}
}

func TestStateDirIsForOne(t *testing.T) {
	p := newPlace(t)
	cfg := p.load(devList)
	p.run(cfg)
	if _, err := OpenState(cfg, Env{}); !errors.Is(err, store.ErrInUse) {
		t.Errorf("the second: %v", err)
	}
}

func TestReload(t *testing.T) {
	p := newPlace(t)
	s := p.run(p.load(devList))
	if got := p.post("ops@lists.example.com"); !strings.HasPrefix(got, "550 5.1.1") {
		t.Fatal(got)
	}
	const opsList = "[[list]]\naddress = \"ops@lists.example.com\"\nmembers = [\"bart@example.com\"]\nposting = \"anyone\"\n"
	if err := s.Reload(t.Context(), p.load(devList+opsList)); err != nil {
		t.Fatal(err)
	}
	if got := p.post("ops@lists.example.com"); got != "250 2.0.0 accepted" {
		t.Fatal(got)
	}
	if sent := <-p.sent; sent.Rcpts[0] != "bart@example.com" {
		t.Errorf("sent %+v", sent)
	}
	p.example("refuse")
	refusing := strings.Replace(opsList, "posting", "incoming = [\"refuse\"]\nposting", 1) + "[plugins.refuse.config]\nwords = [\"hello\"]\n"
	if err := s.Reload(t.Context(), p.load(devList+refusing)); err != nil {
		t.Fatal(err)
	}
	if got := p.post("ops@lists.example.com"); !strings.HasPrefix(got, "550 5.7.1") {
		t.Errorf("the new handler: %s", got)
	}
}

func TestReloadOfABadFileChangesNothing(t *testing.T) {
	p := newPlace(t)
	s := p.run(p.load(devList))
	if err := os.WriteFile(filepath.Join(p.dir, "junk.wasm"), []byte("junk"), 0o600); err != nil {
		t.Fatal(err)
	}
	bad := p.load(devList + "[incoming]\nhandlers = [\"junk\"]\n")
	if err := s.Reload(t.Context(), bad); err == nil || !strings.Contains(err.Error(), "plugin junk") {
		t.Errorf("a module that does not load: %v", err)
	}
	moved := p.load(devList)
	moved.MTA.LMTPSocket += "2"
	if err := s.Reload(t.Context(), moved); err == nil || !strings.Contains(err.Error(), "mta.lmtp_socket") {
		t.Errorf("a listener that moved: %v", err)
	}
	if got := p.post("dev@lists.example.com"); got != "250 2.0.0 accepted" {
		t.Error(got)
	}
}

func TestMetrics(t *testing.T) {
	p := newPlace(t)
	address := make(chan string, 1)
	ctx, stop := context.WithCancel(t.Context())
	cfg := p.load(devList + "[metrics]\nlisten = \"127.0.0.1:0\"\n")
	s, err := Open(ctx, cfg, Env{Listening: func(kind, _, at string) {
		if kind == "metrics" {
			address <- at
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx) }()
	at := <-address
	for path, want := range map[string]string{"metrics": "mmgw_plugin_calls_total{plugin=\"deliver\"} 0", "live": "ok", "ready": "ok"} {
		resp, err := http.Get("http://" + at + "/" + path)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusOK || !strings.Contains(string(text), want) {
			t.Errorf("/%s: %s %.300s, %v", path, resp.Status, text, err)
		}
	}
	stop()
	if err := errors.Join(<-served, s.Close()); err != nil {
		t.Error(err)
	}
}

func TestStoppedGatewayGoesOn(t *testing.T) {
	p := newPlace(t)
	cfg := p.load(devList)
	held := "held@lists.example.com"
	t.Run("first", func(t *testing.T) {
		first := &place{t: t, dir: p.dir, smtp: p.smtp}
		s := first.run(cfg)
		if _, err := s.roster.AddMembers("dev.lists.example.com", []gateway.Recipient{{Path: "carl@example.com"}}); err != nil {
			t.Fatal(err)
		}
		if err := s.roster.CreateList(gateway.List{ID: "held.lists.example.com", Address: gateway.ForwardPath(held), Posting: gateway.PostingModerated, QuietHold: true}); err != nil {
			t.Fatal(err)
		}
		if got := first.post(gateway.ForwardPath(held)); got != "250 2.0.0 accepted" {
			t.Fatal(got)
		}
	})
	s := p.run(cfg)
	n := 0
	for row, err := range s.spool.List() {
		if row.Service == gateway.Relay {
			continue // its moderator is told
		}
		if err != nil || row.Stage != gateway.StageHeld || row.Reason != "held by handler posting: the list is moderated" {
			t.Errorf("row %+v, %v", row, err)
		}
		n++
	}
	if n != 1 {
		t.Errorf("%d legs in the spool", n)
	}
	if got := p.post("dev@lists.example.com"); got != "250 2.0.0 accepted" {
		t.Fatal(got)
	}
	to := map[string]bool{(<-p.sent).Rcpts[0]: true, (<-p.sent).Rcpts[0]: true, (<-p.sent).Rcpts[0]: true}
	if !to["carl@example.com"] || !to["anne@example.com"] || len(to) != 3 {
		t.Errorf("copies, and a note to a moderator, for %v", to)
	}
}

// A site decides who may post by a module of its own, or not at all.
func TestPolicyIsTheSites(t *testing.T) {
	const moderated = "[[list]]\naddress = \"dev@lists.example.com\"\nmembers = [\"anne@example.com\"]\nposting = \"moderated\"\nquiet_hold = true\n"
	for policy, c := range map[string]struct {
		reply string
		held  int
	}{
		"posting": {"250 2.0.0 accepted", 1},
		"":        {"250 2.0.0 accepted", 0},
		"refuse":  {`550 5.7.1 this list takes no posts with the subject "hello"`, 0},
	} {
		t.Run(policy, func(t *testing.T) {
			p := newPlace(t)
			p.example("refuse")
			s := p.run(p.load(moderated + "[incoming]\npolicy = \"" + policy + "\"\n[plugins.refuse.config]\nwords = [\"hello\"]\n"))
			if got := p.post("dev@lists.example.com"); got != c.reply {
				t.Errorf("the reply is %q", got)
			}
			if policy == "" {
				<-p.sent
			}
			held := 0
			for row := range s.spool.List() {
				if row.Stage == gateway.StageHeld {
					held++
				}
			}
			if held != c.held {
				t.Errorf("%d held", held)
			}
		})
	}
}

func TestLoadModulesFindsAllThatIsWrong(t *testing.T) {
	p := newPlace(t)
	p.example("refuse")
	if err := os.WriteFile(filepath.Join(p.dir, "junk.wasm"), []byte("junk"), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := p.load(devList + "[incoming]\nhandlers = [\"junk\", \"refuse\", \"list-headers\"]\n[outgoing]\nhandlers = [\"postfix\"]\n" +
		"[plugins.refuse]\nsha256 = \"" + strings.Repeat("0", 64) + "\"\n")
	_, err := Check(t.Context(), cfg, Env{})
	if err == nil {
		t.Fatal("nothing was found")
	}
	for _, want := range []string{
		"plugin junk: ",
		"plugins.refuse.sha256 asks for another",
		"plugin list-headers: cannot be an incoming handler",
		"plugin postfix: cannot be an outgoing handler",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing in\n%v", want, err)
		}
	}
	if _, err := Check(t.Context(), p.load(devList), Env{}); err != nil {
		t.Errorf("a good one: %v", err)
	}
}

// TestDelimiters: a delimiter that the configuration accepts is one that reverse-paths
// can have, so that a gateway with it starts.
func TestDelimiters(t *testing.T) {
	accepted := 0
	for c := '!'; c <= '~'; c++ {
		cfg, err := config.Parse("mmgw.toml", fmt.Appendf(nil, "state_dir = \"/x\"\n[verp]\ndelimiter = %q\n", string(c)), config.Options{})
		if err != nil {
			continue
		}
		accepted++
		if err := (&Server{cfg: cfg}).codec([]verp.Key{verp.NewKey()}).Check(); err != nil {
			t.Errorf("%q: %v", c, err)
		}
	}
	if accepted < 4 {
		t.Errorf("%d delimiters are accepted", accepted)
	}
}

// TestCheckDoubtsSettings: one that is not there and one that looks like it are
// told together, with the line, whether or not the module lives without.
func TestCheckDoubtsSettings(t *testing.T) {
	p := newPlace(t)
	p.example("header-gate")
	text := devList + "[incoming]\nhandlers = [\"header-gate\"]\n[plugins.header-gate.config]\nwords = [\"x\"]\n"
	for _, c := range []struct {
		setting, doubt string
		loads          bool
	}{
		{"header = \"X\"", "", true},
		{"heder = \"X\"", `[plugins.header-gate.config] has "heder", which the module has not asked for, but not "header", which it has; did you mean "header"?`, false},
		{"colour = \"X\"", "", false}, // looks like nothing that is asked for
	} {
		cfg := p.load(text + c.setting + "\n")
		doubts, err := Check(t.Context(), cfg, Env{})
		want := config.Problems{}
		if c.doubt != "" {
			want = config.Problems{{File: cfg.File, Line: 16, Text: c.doubt}}
		}
		if (err == nil) != c.loads || doubts.Error() != want.Error() {
			t.Errorf("%s: %v, doubts\n%v, want\n%v", c.setting, err, doubts, want)
		}
	}
}

func TestUnusedSettingsAreNamed(t *testing.T) {
	p := newPlace(t)
	if got := Unused(p.load(devList)); len(got) != 0 {
		t.Errorf("of the defaults: %q", got)
	}
	got := Unused(p.load(devList + "[bounce]\nthreshold = 3\nunrecognized = \"discard\"\n" +
		"[plugins.postfix]\nshadow = \"list-headers\"\n"))
	want := []string{"plugins.postfix.shadow"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestRenderBesideARunningGateway(t *testing.T) {
	p := newPlace(t)
	cfg := p.load(devList)
	s := p.run(cfg)
	if err := s.roster.CreateList(gateway.List{ID: "made.lists.example.com", Address: "made@lists.example.com"}); err != nil {
		t.Fatal(err)
	}
	files, err := RenderMTA(t.Context(), cfg, Env{}, MTADir(cfg))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if f.Path == "postfix_lmtp" && strings.Contains(string(f.Data), "made-bounces@lists.example.com") {
			return
		}
	}
	t.Error("the list that was made at run time is missing")
}
