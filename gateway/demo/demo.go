// Package demo is a newcomer's first look at mmgw: the main job in one process,
// with its own temporary state and its own SMTP server behind it. Nothing in
// it is staged: the messages are real, go in by LMTP, through sandboxed
// handlers, the durable spool and VERP, and out by SMTP, as they would in
// production.
package demo

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/mmgw/mmgw/gateway/config"
	"github.com/mmgw/mmgw/gateway/server"
	"github.com/mmgw/mmgw/plugins"
	examples "github.com/mmgw/mmgw/wasm-examples"
)

// deliveryTimeout is how long the demo waits for its copies.
const deliveryTimeout = time.Minute

// MembersMax bounds Options.Members.
const MembersMax = 100_000

// Options says what to show.
type Options struct {
	Members int // of the list, 1 to MembersMax; 0: 25
	Version string
	Log     *slog.Logger // of the gateway; nil: nothing is logged
}

// Run runs the demo. It fails where a copy did not arrive as it should.
func Run(ctx context.Context, o Options) (*Result, error) {
	if o.Members == 0 {
		o.Members = 25
	}
	if o.Members < 1 || o.Members > MembersMax {
		return nil, fmt.Errorf("members: %d is not between 1 and %d", o.Members, MembersMax)
	}
	dir, err := os.MkdirTemp("", "mmgw-demo-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	s := &stage{options: o, dir: dir}
	if s.sink, err = openSink(); err != nil {
		return nil, err
	}
	defer s.sink.close()
	if err := s.build(); err != nil {
		return nil, err
	}
	return s.play(ctx)
}

// stage is the demo's gateway and what stands around it.
type stage struct {
	options Options
	dir     string
	sink    *sink
	cfg     *config.Config
	lmtp    string // address of the gateway
}

// build writes the configuration and the handlers that are not built in.
func (s *stage) build() error {
	for _, name := range []string{"refuse", "spin"} {
		wasm, ok := examples.Lookup(name)
		if !ok {
			return fmt.Errorf("there is no example %s", name)
		}
		if err := os.WriteFile(filepath.Join(s.dir, name+".wasm"), wasm, 0o600); err != nil {
			return err
		}
	}
	if err := os.WriteFile(filepath.Join(s.dir, "announce.members"), []byte(s.members()), 0o600); err != nil {
		return err
	}
	file := filepath.Join(s.dir, "mmgw.toml")
	if err := os.WriteFile(file, []byte(s.configuration()), 0o600); err != nil {
		return err
	}
	cfg, err := config.Load(file, config.Options{Known: func(name string) bool { _, ok := plugins.Lookup(name); return ok }})
	s.cfg = cfg
	return err
}

func (s *stage) members() string {
	var text strings.Builder
	text.WriteString("anne@example.com\n")
	for i := 2; i <= s.options.Members; i++ {
		fmt.Fprintf(&text, "member%d@example.net\n", i)
	}
	return text.String()
}

func (s *stage) configuration() string {
	_, port, _ := net.SplitHostPort(s.sink.address())
	return strings.ReplaceAll(`
state_dir  = "state"
plugin_dir = "."
hostname   = "gateway.example.com"

[mta]
lmtp_port = 0
smtp_host = "127.0.0.1"
smtp_port = PORT

[mta.configuration]
transport_file_type = "regexp"

[[list]]
address     = "announce@lists.example.com"
owners      = ["owner1@example.com", "owner2@example.org"]
members     = "announce.members"
description = "News for everybody"
incoming    = ["refuse", "subject-prefix"]

[[list]]
address  = "lab@lists.example.com"
members  = ["anne@example.com"]
incoming = ["spin"]

[plugins.refuse.config]
words = ["UBE-TEST-EMAIL"]

[plugins.subject-prefix.config]
prefix = "[announce]"

[plugins.spin]
fuel = 50_000_000
[plugins.spin.config]
always = true
`, "PORT", port)
}

// play starts the gateway, sends the messages and waits for the copies.
func (s *stage) play(ctx context.Context) (*Result, error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	ready := make(chan struct{})
	gw, err := server.Open(ctx, s.cfg, server.Env{
		Version: s.options.Version, Log: s.options.Log, Ready: func() { close(ready) },
		Listening: func(kind, network, address string) {
			if kind == "lmtp" && network == "tcp" {
				s.lmtp = address
			}
		},
	})
	if err != nil {
		return nil, err
	}
	defer gw.Close()
	served := make(chan error, 1)
	go func() { served <- gw.Serve(ctx) }()
	select {
	case <-ready:
	case err := <-served:
		return nil, errors.Join(errors.New("the gateway did not start"), err)
	}
	r, err := s.perform(ctx, gw)
	stop()
	return r, errors.Join(err, <-served)
}
