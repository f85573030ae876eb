package server

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/admin"
	"github.com/mmgw/mmgw/gateway/modules"
	"github.com/mmgw/mmgw/gateway/pipeline"
	"github.com/mmgw/mmgw/gateway/probe"
	examples "github.com/mmgw/mmgw/wasm-examples"
)

// refusing is a list whose handler refuses a word.
const refusing = "[[list]]\naddress = \"dev@lists.example.com\"\nmembers = [\"anne@example.com\"]\nposting = \"anyone\"\nincoming = [\"refuse\"]\n" +
	"[plugins.refuse]\nfuel = 5_000_000\n[plugins.refuse.config]\nwords = [\"hello\"]\n"

func module(t *testing.T, name string) []byte {
	t.Helper()
	wasm, ok := examples.Lookup(name)
	if !ok {
		t.Fatalf("no example %s", name)
	}
	return wasm
}

// row is what plugin.ls says of a plugin.
func row(t *testing.T, s *Server, name string) PluginRow {
	t.Helper()
	for _, r := range call[[]PluginRow](t, s, "plugin.ls", Nothing{}) {
		if r.Name == name {
			return r
		}
	}
	t.Fatalf("no plugin %s", name)
	return PluginRow{}
}

func TestSwapResetRollback(t *testing.T) {
	p := newPlace(t)
	p.example("refuse")
	s := p.run(p.load(refusing))
	refuse, spin := modules.Digest(module(t, "refuse")), modules.Digest(module(t, "spin"))
	for _, step := range []struct {
		name    string
		do      func() PluginSwapped
		after   string // digest
		swapped bool
		reply   string
	}{
		{"swap", func() PluginSwapped {
			return call[PluginSwapped](t, s, "plugin.swap", PluginSwap{Name: "refuse", Wasm: module(t, "spin")})
		}, spin, true, "250"},
		{"rollback", func() PluginSwapped { return call[PluginSwapped](t, s, "plugin.rollback", PluginName{"refuse"}) }, refuse, false, "550"},
		{"swap again", func() PluginSwapped {
			return call[PluginSwapped](t, s, "plugin.swap", PluginSwap{Name: "refuse", Wasm: module(t, "spin")})
		}, spin, true, "250"},
		{"reset", func() PluginSwapped {
			return call[PluginSwapped](t, s, "plugin.swap", PluginSwap{Name: "refuse", Reset: true})
		}, refuse, false, "550"},
		{"rollback of a reset", func() PluginSwapped { return call[PluginSwapped](t, s, "plugin.rollback", PluginName{"refuse"}) }, spin, true, "250"},
	} {
		before := row(t, s, "refuse").Digest
		if done := step.do(); done.Digest != step.after || done.Before != before {
			t.Errorf("%s: %+v", step.name, done)
		}
		if got := p.post("dev@lists.example.com"); !strings.HasPrefix(got, step.reply) {
			t.Errorf("%s: %s", step.name, got)
		}
		r := row(t, s, "refuse")
		if kept := strings.Contains(r.Source, filepath.Join("plugins", "refuse", step.after)); r.Digest != step.after || step.swapped && !kept {
			t.Errorf("%s: %+v", step.name, r)
		}
		if record, err := s.shelf.Record("refuse"); err != nil || record.Swapped != step.swapped {
			t.Errorf("%s: %+v, %v", step.name, record, err)
		}
	}
}

// TestSwapIsRefused: what does not work changes nothing.
func TestSwapIsRefused(t *testing.T) {
	p := newPlace(t)
	p.example("refuse")
	text := strings.Replace(refusing, "fuel = 5_000_000\n", "sha256 = \""+modules.Digest(module(t, "refuse"))+"\"\n", 1) +
		"[plugins.deliver.config]\n"
	running := p.run(p.load(text))
	atRest := &place{t: t, dir: t.TempDir(), smtp: p.smtp}
	atRest.example("refuse")
	resting, err := OpenState(atRest.load(text), Env{})
	if err != nil {
		t.Fatal(err)
	}
	defer resting.Close()
	for _, s := range []*Server{running, resting} {
		for _, c := range []struct {
			operation string
			args      any
			want      string
		}{
			{"plugin.swap", PluginSwap{Name: "refuse", Wasm: module(t, "spin")}, "plugins.refuse.sha256 asks for another"},
			{"plugin.swap", PluginSwap{Name: "refuse", Wasm: module(t, "refuse")}, "at work already"},
			{"plugin.swap", PluginSwap{Name: "deliver", Wasm: module(t, "spin")}, "cannot be mta.outgoing"},
			{"plugin.swap", PluginSwap{Name: "deliver", Wasm: []byte("junk")}, "plugin deliver: "},
			{"plugin.swap", PluginSwap{Name: "deliver"}, "plugin deliver: "},
			{"plugin.swap", PluginSwap{Name: "../x", Wasm: module(t, "spin")}, "uses no plugin"},
			{"plugin.swap", PluginSwap{Name: "deliver", Reset: true}, "nothing was swapped in"},
			{"plugin.rollback", PluginName{"deliver"}, "no version before"},
		} {
			err := s.Operations().Call(t.Context(), c.operation, c.args, nil)
			if err == nil || admin.AsError(err).Exit != admin.ExitData || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s %.40v: %v", c.operation, c.args, err)
			}
		}
		if files, err := os.ReadDir(s.shelf.Dir); err != nil || len(files) > 0 {
			t.Errorf("on the shelf: %v, %v", files, err)
		}
	}
}

// TestSelfTestRefusesASwap: a module that fails on any message never gets one.
func TestSelfTestRefusesASwap(t *testing.T) {
	p := newPlace(t)
	p.example("refuse")
	s := p.run(p.load(refusing + "always = true\n"))
	err := s.Operations().Call(t.Context(), "plugin.swap", PluginSwap{Name: "refuse", Wasm: module(t, "spin")}, nil)
	if err == nil || !strings.Contains(err.Error(), "self-test on a small message") || !strings.Contains(err.Error(), "fuel") {
		t.Errorf("got %v", err)
	}
	if got := p.post("dev@lists.example.com"); !strings.HasPrefix(got, "550") {
		t.Error(got)
	}
}

// TestSwapAtRestAndRestart: a swap without a gateway is in force at the next
// start, against the file, and a pin set later refuses it.
func TestSwapAtRestAndRestart(t *testing.T) {
	p := newPlace(t)
	p.example("refuse")
	cfg := p.load(refusing)
	resting, err := OpenState(cfg, Env{})
	if err != nil {
		t.Fatal(err)
	}
	done := call[PluginSwapped](t, resting, "plugin.swap", PluginSwap{Name: "refuse", Wasm: module(t, "spin")})
	if r := row(t, resting, "refuse"); r.Digest != done.Digest || r.State != "not running" {
		t.Errorf("%+v", r)
	}
	if err := resting.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Check(t.Context(), cfg, Env{}); err != nil {
		t.Error(err)
	}
	t.Run("restart", func(t *testing.T) {
		again := &place{t: t, dir: p.dir, smtp: p.smtp}
		s := again.run(cfg)
		if got := again.post("dev@lists.example.com"); !strings.HasPrefix(got, "250") {
			t.Error(got)
		}
		if r := row(t, s, "refuse"); r.Digest != done.Digest || r.State != string(modules.OnTrial) {
			t.Errorf("%+v", r)
		}
	})
	pinned := strings.Replace(refusing, "fuel", "sha256 = \""+done.Before+"\"\nfuel", 1)
	if _, err := Check(t.Context(), p.load(pinned), Env{}); err == nil || !strings.Contains(err.Error(), "--reset") {
		t.Errorf("a pin: %v", err)
	}
}

// send hands one message of its own in and returns the reply.
func (p *place) send(ctx context.Context, id, fields string) (string, error) {
	client, err := probe.Dial(ctx, "unix:"+filepath.Join(p.dir, "lmtp.sock"))
	if err != nil {
		return "", err
	}
	defer client.Close()
	content := "From: anne@example.com\r\nSubject: post\r\nMessage-ID: <" + id + "@x>\r\n" + fields + "\r\nhi\r\n"
	replies, err := client.Send(ctx, "anne@example.com", []gateway.ForwardPath{"dev@lists.example.com"}, []byte(content))
	if err != nil {
		return "", err
	}
	return replies[0].Status.Reply(), nil
}

// TestSwapUnderLoad: swaps, roll-backs and reloads lose and defer no message.
func TestSwapUnderLoad(t *testing.T) {
	const sessions, exchanges = 4, 12
	p := newPlace(t)
	p.example("refuse")
	s := p.run(p.load(refusing))
	stop := make(chan struct{})
	var sending sync.WaitGroup
	accepted := make([]int, sessions)
	for n := range sessions {
		sending.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				reply, err := p.send(t.Context(), fmt.Sprintf("%d.%d", n, accepted[n]), "")
				if err != nil || !strings.HasPrefix(reply, "250") {
					t.Errorf("session %d: %s, %v", n, reply, err)
					return
				}
				accepted[n]++
			}
		})
	}
	total, delivered := make(chan int), make(chan int)
	go func() { delivered <- p.count(total) }()
	for i := range exchanges {
		switch i % 3 {
		case 0:
			call[PluginSwapped](t, s, "plugin.swap", PluginSwap{Name: "refuse", Wasm: module(t, "spin")})
		case 1:
			call[PluginSwapped](t, s, "plugin.rollback", PluginName{"refuse"})
		case 2:
			changed := fmt.Sprintf("%schanged = %d\n", refusing, i) // loads the module again
			if err := s.Reload(t.Context(), p.load(changed)); err != nil {
				t.Error(err)
			}
		}
	}
	close(stop)
	sending.Wait()
	want := 0
	for _, n := range accepted {
		want += n
	}
	total <- want
	if got := <-delivered; got != want || want == 0 {
		t.Errorf("%d of %d messages were delivered", got, want)
	}
}

// count counts what is delivered, until that is the total.
func (p *place) count(total <-chan int) (n int) {
	late := time.After(time.Minute)
	for want := -1; n != want; {
		select {
		case <-p.sent:
			n++
		case want = <-total:
		case <-late:
			return n
		}
	}
	return n
}

// TestChainInProgressEndsOnItsModule: whatever becomes of the name meanwhile,
// the name being used no more included.
func TestChainInProgressEndsOnItsModule(t *testing.T) {
	p := newPlace(t)
	p.example("refuse")
	s := p.run(p.load(refusing))
	list, err := s.list("dev@lists.example.com")
	if err != nil {
		t.Fatal(err)
	}
	chain := s.Incoming(list)
	if chain[0].Module != "refuse@"+modules.Digest(module(t, "refuse"))[:12] {
		t.Errorf("module %s", chain[0].Module)
	}
	call[PluginSwapped](t, s, "plugin.swap", PluginSwap{Name: "refuse", Wasm: module(t, "spin")})
	swapped := s.Incoming(list)
	call[PluginSwapped](t, s, "plugin.swap", PluginSwap{Name: "refuse", Reset: true})
	if err := s.Reload(t.Context(), p.load(devList)); err != nil {
		t.Fatal(err)
	}
	x := &gateway.Exchange{
		Phase: gateway.PhaseIncoming, Message: &gateway.Message{}, Leg: &gateway.Leg{Service: gateway.Post},
	}
	if x.Draft, err = gateway.OpenDraft(gateway.Bytes("Subject: hello\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	steps := []pipeline.Step{chain[0], swapped[0]}
	for i, want := range []gateway.Action{gateway.Reject, gateway.Continue} {
		step := steps[i]
		if v, err := step.Handler.Handle(t.Context(), x); err != nil || v.Action != want {
			t.Errorf("%s: %+v, %v", step.Module, v, err)
		}
	}
	for _, step := range steps { // the second holds the version of the first too: it stands by
		step.Release()
	}
	for _, step := range steps {
		if _, err := step.Handler.Handle(t.Context(), x); err == nil {
			t.Errorf("%s is not closed", step.Module)
		}
	}
}

// TestRollsBackByItself: the new version fails where the one before does not.
func TestRollsBackByItself(t *testing.T) {
	p := newPlace(t)
	p.example("refuse")
	s := p.run(p.load(refusing))
	done := call[PluginSwapped](t, s, "plugin.swap", PluginSwap{Name: "refuse", Wasm: module(t, "spin")})
	for i := range 3 {
		if r := row(t, s, "refuse"); r.State != string(modules.OnTrial) {
			t.Errorf("%d: %+v", i, r)
		}
		if got, err := p.send(t.Context(), fmt.Sprint(i), "X-Spin: yes\r\n"); err != nil || !strings.HasPrefix(got, "250") {
			t.Errorf("%d: %s, %v", i, got, err)
		}
	}
	if r := row(t, s, "refuse"); r.Digest != done.Before || r.RolledBack != 1 || r.State != string(modules.Loaded) {
		t.Errorf("%+v", r)
	}
	if record, err := s.shelf.Record("refuse"); err != nil || record.Swapped || record.OnTrial || record.Kept[0] != done.Before {
		t.Errorf("%+v, %v", record, err)
	}
	if got := p.post("dev@lists.example.com"); !strings.HasPrefix(got, "550") {
		t.Error(got)
	}
}

// TestReloadPutsAChangedFileOnTrial: and its roll-back wins over the file.
func TestReloadPutsAChangedFileOnTrial(t *testing.T) {
	p := newPlace(t)
	p.example("refuse")
	cfg := p.load(refusing)
	s := p.run(cfg)
	old := row(t, s, "refuse").Digest
	if err := os.WriteFile(filepath.Join(p.dir, "refuse.wasm"), module(t, "spin"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.Reload(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	if r := row(t, s, "refuse"); r.Digest == old || r.State != string(modules.OnTrial) {
		t.Errorf("%+v", r)
	}
	for i := range 3 {
		if got, err := p.send(t.Context(), fmt.Sprint(i), "X-Spin: yes\r\n"); err != nil || !strings.HasPrefix(got, "250") {
			t.Errorf("%d: %s, %v", i, got, err)
		}
	}
	if err := s.Reload(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	if r := row(t, s, "refuse"); r.Digest != old {
		t.Errorf("after a reload: %+v", r)
	}
	call[PluginSwapped](t, s, "plugin.swap", PluginSwap{Name: "refuse", Reset: true})
	if r := row(t, s, "refuse"); r.Digest == old {
		t.Errorf("after a reset: %+v", r)
	}
}

// TestPinnedModuleIsNotOnTrial: no other may take its place, or whoever makes it
// fail would get the one before.
func TestPinnedModuleIsNotOnTrial(t *testing.T) {
	refuse, spin := module(t, "refuse"), module(t, "spin")
	pinned := func(wasm []byte) string {
		return strings.Replace(refusing, "fuel", "sha256 = \""+modules.Digest(wasm)+"\"\nfuel", 1)
	}
	for name, exchange := range map[string]func(p *place, s *Server) error{
		"pinned on trial": func(p *place, s *Server) error {
			call[PluginSwapped](t, s, "plugin.swap", PluginSwap{Name: "refuse", Wasm: spin})
			return s.Reload(t.Context(), p.load(pinned(spin)))
		},
		"a new file and pin": func(p *place, s *Server) error {
			if err := s.Reload(t.Context(), p.load(pinned(refuse))); err != nil {
				return err
			}
			if err := os.WriteFile(filepath.Join(p.dir, "refuse.wasm"), spin, 0o600); err != nil {
				return err
			}
			return s.Reload(t.Context(), p.load(pinned(spin)))
		},
	} {
		p := newPlace(t)
		p.example("refuse")
		t.Run(name, func(t *testing.T) {
			running := &place{t: t, dir: p.dir, smtp: p.smtp}
			s := running.run(p.load(refusing))
			if err := exchange(running, s); err != nil {
				t.Fatal(err)
			}
			isPinnedTo(t, running, s, spin)
		})
		again := &place{t: t, dir: p.dir, smtp: p.smtp}
		isPinnedTo(t, again, again.run(p.load(pinned(spin))), spin)
	}
}

// isPinnedTo tries a message on which the module fails.
func isPinnedTo(t *testing.T, p *place, s *Server, wasm []byte) {
	t.Helper()
	if r := row(t, s, "refuse"); r.Digest != modules.Digest(wasm) || r.State != string(modules.Loaded) {
		t.Errorf("%+v", r)
	}
	if got, err := p.send(t.Context(), "1", "X-Spin: yes\r\n"); err != nil || !strings.HasPrefix(got, "451") {
		t.Errorf("a failure: %s, %v", got, err)
	}
}

// TestHandlerThatIsNotLoadedDefers: a list may be of a newer configuration than
// the modules for a moment.
func TestHandlerThatIsNotLoadedDefers(t *testing.T) {
	set := &moduleSet{}
	chain := set.chains().Incoming(&gateway.List{Incoming: []string{"tag"}})
	if len(chain) != 1 || chain[0].OnError != "" {
		t.Fatalf("chain %+v", chain)
	}
	if _, err := chain[0].Handler.Handle(t.Context(), nil); err == nil {
		t.Error("no error")
	}
}
