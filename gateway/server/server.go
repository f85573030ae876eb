// Package server puts a gateway together and runs it. It is the only package that knows
// all the others, and, except for the shadows of package modules, the only one that
// starts goroutines of its own.
//
// OpenState opens what a gateway keeps, Open loads the modules as well, and Serve takes
// and sends mail until its context ends. The packages below keep the promises about
// mail; this one decides who gets which part of the configuration, see assemble.
package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/authres"
	"github.com/mmgw/mmgw/gateway/config"
	"github.com/mmgw/mmgw/gateway/kv"
	"github.com/mmgw/mmgw/gateway/modules"
	"github.com/mmgw/mmgw/gateway/notice"
	"github.com/mmgw/mmgw/gateway/pipeline"
	"github.com/mmgw/mmgw/gateway/relay"
	"github.com/mmgw/mmgw/gateway/replay"
	"github.com/mmgw/mmgw/gateway/roster"
	"github.com/mmgw/mmgw/gateway/sandbox"
	"github.com/mmgw/mmgw/gateway/spool"
	"github.com/mmgw/mmgw/gateway/store"
	"github.com/mmgw/mmgw/gateway/unsubscribe"
)

// Server is one gateway.
type Server struct {
	cfg *config.Config
	env Env
	log *slog.Logger

	store  *store.Store
	spool  *spool.Spool
	roster *roster.Roster

	links  unsubscribe.Links // by which members leave
	dns    *authres.Resolver // the only way to DNS
	host   *sandbox.Host
	shelf  *modules.Shelf
	kept   *replay.Messages
	loaded atomic.Pointer[moduleSet] // nil after OpenState

	changing   sync.Mutex   // held by swap, roll-back and reload, so that they happen one after the other
	exchanging sync.RWMutex // write-locked for the moment in which modules change, so that each chain is leased as a whole

	relay       *relay.Relay
	targetNames map[string]string // of the next hops, by Delivery.Route
	intake      *pipeline.Intake
	expander    *pipeline.Expander
	scores      *pipeline.Scores
	deliverer   *pipeline.Deliverer
	held        *pipeline.Held
	texts       atomic.Pointer[notice.Texts]
	deliveries  *deliveryLog
	line        line
	attempts    [len(outcomeNames)]atomic.Int64
	nextHops    nextHops

	listsBell chan struct{} // full when the MTA's files are to be written again
	listening atomic.Value  // string: where LMTP is listened for over TCP, of the configuration until it is
}

// ErrStateDir says that the state directory cannot be made or used.
var ErrStateDir = errors.New("the state directory cannot be used")

// OpenState opens the state directory alone: store, spool and roster. It is
// what commands work on while no gateway runs. A directory that another
// process has open is store.ErrInUse.
func OpenState(cfg *config.Config, env Env) (*Server, error) {
	s := &Server{cfg: cfg, env: env.withDefaults(), shelf: shelfOf(cfg), listsBell: make(chan struct{}, 1)}
	s.listening.Store(cfg.MTA.ListenAddress())
	s.log = s.env.Log
	s.dns = authres.NewResolver(s.env.DNS, cfg.Auth.DNSServer)
	s.dns.Log = s.log
	if err := makeStateDir(cfg.StateDir); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrStateDir, err)
	}
	var err error
	if s.store, err = store.Open(store.Options{Dir: filepath.Join(cfg.StateDir, "db"), Log: s.log}); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrStateDir, err)
	}
	if err := s.openOnStore(); err != nil {
		s.store.Close()
		return nil, err
	}
	s.cfg, s.targetNames = withoutMembers(cfg), namesOf(relayOptions(cfg, s.env).Targets)
	return s, nil
}

// makeStateDir makes the state directory: others may pass through it to the
// MTA's files, and see nothing else.
func makeStateDir(dir string) error {
	if err := os.MkdirAll(dir, 0o711); err != nil {
		return err
	}
	for name, mode := range map[string]os.FileMode{"db": 0o700, "mta": 0o755, "log": 0o700, "cache": 0o700, "content": 0o700, "damaged": 0o700, "plugins": 0o700} {
		if err := os.MkdirAll(filepath.Join(dir, name), mode); err != nil {
			return err
		}
	}
	return nil
}

func (s *Server) openOnStore() error {
	var err error
	if s.spool, err = spool.Open(spool.Options{Store: s.store, Dir: s.cfg.StateDir, Log: s.log}); err != nil {
		return fmt.Errorf("%w: %w", ErrStateDir, err)
	}
	if err = s.keepForReplay(); err != nil {
		return err
	}
	if s.roster, err = roster.Open(roster.Options{Store: s.store, Delimiter: s.cfg.VERP.Delimiter, Log: s.log}); err != nil {
		return err
	}
	return setLists(s.roster, s.cfg.Lists, s.cfg.Forwards)
}

// withoutMembers is what is kept of a configuration: the members of its lists are
// the roster's, and a million of them take some 90 MB.
func withoutMembers(cfg *config.Config) *config.Config {
	kept := *cfg
	kept.Lists = slices.Clone(cfg.Lists)
	for i := range kept.Lists {
		kept.Lists[i].Members = nil
	}
	return &kept
}

// setLists tells the roster of the lists and forward domains of the file.
func setLists(r *roster.Roster, lists []config.List, forwards []config.Forward) error {
	ofFile := make([]roster.FileList, len(lists))
	for i, list := range lists {
		ofFile[i] = roster.FileList{List: list.List, Members: list.Members}
	}
	if err := r.SetFileLists(ofFile); err != nil {
		return err
	}
	domains := map[string][]string{}
	for _, forward := range forwards {
		domains[forward.Name] = forward.Domains
	}
	r.SetForwards(domains)
	return nil
}

// onlyState says whether no gateway runs, and a command works on the state alone.
func (s *Server) onlyState() bool { return s.deliverer == nil }

// Open opens the state directory and loads the modules. Root cannot open the state of
// another user.
func Open(ctx context.Context, cfg *config.Config, env Env) (*Server, error) {
	if err := refuseRoot(cfg.StateDir); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrStateDir, err)
	}
	s, err := OpenState(cfg, env)
	if err != nil {
		return nil, err
	}
	if err := s.openAll(ctx); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func (s *Server) openAll(ctx context.Context) error {
	var err error
	if s.host, err = s.newHost(); err != nil {
		return err
	}
	set, err := loadModules(ctx, loader{host: s.host, cfg: s.cfg, shelf: s.shelf, log: s.log, rolledBack: s.keepRolledBack})
	if err != nil {
		return err
	}
	s.loaded.Store(set)
	keys, err := s.keys(verpKeyFile, "bounces of what went out before, and answers to it, are not believed")
	if err != nil {
		return fmt.Errorf("%w: %w", ErrStateDir, err)
	}
	if s.cfg.Log.Deliveries {
		if s.deliveries, err = openDeliveryLog(filepath.Join(s.cfg.StateDir, "log")); err != nil {
			return fmt.Errorf("%w: %w", ErrStateDir, err)
		}
	}
	s.relay = relay.New(relayOptions(s.cfg, s.env))
	if s.links, err = s.openLinks(); err != nil {
		return err
	}
	return s.assemble(s.codec(keys))
}

// newHost is a sandbox with all that this gateway lends to modules.
func (s *Server) newHost() (*sandbox.Host, error) {
	return sandbox.New(sandbox.Env{
		Version: s.env.Version, CacheDir: filepath.Join(s.cfg.StateDir, "cache"), Logger: s.log, Local: s.isLocal,
		KV: kv.New(kv.Options{Store: s.store}), Resolver: s.dns,
	})
}

func (s *Server) isLocal(path gateway.ForwardPath) bool {
	_, err := s.roster.Resolve(context.Background(), path)
	return err == nil
}

// Close gives everything back, once. What was accepted stays in the state directory.
func (s *Server) Close() error {
	var errs []error
	if s.relay != nil {
		s.relay.Close()
	}
	if set := s.loaded.Load(); set != nil {
		set.close()
	}
	if s.host != nil {
		errs = append(errs, s.host.Close(context.Background()))
	}
	if s.deliveries != nil {
		errs = append(errs, s.deliveries.Close())
	}
	if s.roster != nil {
		errs = append(errs, s.roster.Close())
	}
	return errors.Join(append(errs, s.store.Close())...)
}
