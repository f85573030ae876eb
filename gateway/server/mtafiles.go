package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/admin"
	"github.com/mmgw/mmgw/gateway/config"
	"github.com/mmgw/mmgw/gateway/sandbox"
	"github.com/mmgw/mmgw/gateway/store"
	"github.com/mmgw/mmgw/mta"
)

// mtaRetry is how long a reload command that failed, or a disk, is left alone.
const mtaRetry = time.Minute

// Lists are left alone for mtaSettle before the files follow, so that 10,000 of
// them made by a script cost few runs; but they never wait for mtaSettleMax.
const (
	mtaSettle    = 100 * time.Millisecond
	mtaSettleMax = 2 * time.Second
)

// MTADir is where the files of the MTA are: state_dir/mta, readable by all.
func MTADir(cfg *config.Config) string { return filepath.Join(cfg.StateDir, "mta") }

// MTAOptions say what is done with rendered files: which tables are compiled
// and what is run afterwards.
func MTAOptions(cfg *config.Config) mta.Options {
	fileType, _ := cfg.MTA.Configuration["transport_file_type"].(string)
	o := mta.Options{FileType: fileType, Reload: cfg.MTA.ReloadCommand()}
	if command := cfg.MTA.PostmapCommand(); command != "" {
		o.Postmap = strings.Fields(command)
	}
	return o
}

// RenderMTA renders the files of the MTA for dir without changing anything.
// The lists of the store, and the address that the MTA is told, come from the
// gateway that runs, if one does.
func RenderMTA(ctx context.Context, cfg *config.Config, env Env, dir string) ([]gateway.File, error) {
	env = env.withDefaults()
	told, err := whatMTAIsTold(ctx, cfg, env)
	if err != nil {
		return nil, err
	}
	return renderTold(ctx, cfg, env, dir, told)
}

func renderTold(ctx context.Context, cfg *config.Config, env Env, dir string, told ListInventory) ([]gateway.File, error) {
	site := siteOf(cfg, told.Listening, dir)
	if strings.HasSuffix(site.LMTPTarget, ":0") {
		return nil, fmt.Errorf("%w: [mta] lmtp_port = 0: only a gateway that runs knows its port; start `mmgw serve`, or set lmtp_port or lmtp_advertise", mta.ErrRender)
	}
	host, err := sandbox.New(sandbox.Env{Version: env.Version, Logger: env.Log})
	if err != nil {
		return nil, err
	}
	defer host.Close(ctx)
	writer, err := loadWriter(ctx, host, cfg)
	if err != nil {
		return nil, fmt.Errorf("%w: plugin %s: %w", mta.ErrRender, cfg.MTA.Incoming, err)
	}
	defer writer.Close()
	return mta.Render(ctx, writer, mta.Inventory(site, told.Lists, forwardsOf(cfg)))
}

// ListInventory is the result of list.inventory: what the MTA is told.
type ListInventory struct {
	Lists     []gateway.List `json:"lists"`     // of the file and of the store, without their settings
	Listening string         `json:"listening"` // where LMTP is listened for over TCP
}

// whatMTAIsTold asks the gateway that runs, else looks into the state directory.
// It makes none: whoever only looks leaves no files behind that belong to them.
func whatMTAIsTold(ctx context.Context, cfg *config.Config, env Env) (told ListInventory, err error) {
	if !hasState(cfg) {
		for _, list := range cfg.Lists {
			told.Lists = append(told.Lists, list.List)
		}
		told.Listening = cfg.MTA.ListenAddress()
		return told, nil
	}
	defer AsOwner(cfg.StateDir)()
	s, err := OpenState(cfg, env)
	if errors.Is(err, store.ErrInUse) {
		client := &admin.Client{Socket: filepath.Join(cfg.StateDir, AdminSocket)}
		return told, client.Call(ctx, "list.inventory", Nothing{}, &told)
	}
	if err != nil {
		return told, err
	}
	defer s.Close()
	return s.inventory(), nil
}

// hasState says whether a gateway, or a command, has worked with the state
// directory before, or something else is in its place.
func hasState(cfg *config.Config) bool {
	_, err := os.Stat(filepath.Join(cfg.StateDir, "db"))
	return !errors.Is(err, fs.ErrNotExist)
}

// inventoryLists are the lists that accept mail, by what an MTA is told of them: not
// by their settings, which may be kilobytes of each.
func (s *Server) inventoryLists() []gateway.List {
	var lists []gateway.List
	for l := range s.roster.Lists() {
		lists = append(lists, gateway.List{ID: l.ID, Address: l.Address, AliasDomain: l.AliasDomain, Source: l.Source, Line: l.Line})
	}
	return lists
}

func (s *Server) inventory() ListInventory {
	return ListInventory{s.inventoryLists(), s.listening.Load().(string)}
}

func (s *Server) listInventory(context.Context, Nothing) (any, error) { return s.inventory(), nil }

func siteOf(cfg *config.Config, listening, dir string) mta.Site {
	site := mta.Site{
		Hostname: cfg.Hostname, LMTPTarget: reachable(listening), LMTPSocket: cfg.MTA.LMTPSocket, VERPDelimiter: cfg.VERP.Delimiter,
		SMTPHost: cfg.MTA.SMTPHost, StateDir: cfg.StateDir, Dir: dir, Configuration: cfg.MTA.Configuration,
	}
	switch advertised := cfg.MTA.LMTPAdvertise; advertised.Network {
	case "tcp":
		site.LMTPTarget, site.LMTPSocket = advertised.Address, ""
	case "unix":
		site.LMTPTarget, site.LMTPSocket = "", advertised.Address
	}
	switch lookup := cfg.Lookup.Listen; lookup.Network {
	case "tcp":
		site.LookupTarget = reachable(lookup.Address)
	case "unix":
		site.LookupSocket = lookup.Address
	}
	return site
}

// reachable is the address that an MTA on this machine reaches a listener at.
func reachable(listening string) string {
	host, port, err := net.SplitHostPort(listening)
	if err != nil {
		return listening
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}

func forwardsOf(cfg *config.Config) []mta.ForwardDomain {
	var all []mta.ForwardDomain
	for _, forward := range cfg.Forwards {
		for _, domain := range forward.Domains {
			all = append(all, mta.ForwardDomain{Domain: domain, To: forward.To.String()})
		}
	}
	return all
}

// MTAFiles are the files for the MTA as they should be, listeners included.
func (s *Server) MTAFiles(ctx context.Context) ([]gateway.File, error) {
	site := siteOf(s.mtaConfig(), s.listening.Load().(string), MTADir(s.cfg))
	writer := s.lease(writerName)
	defer writer.Release()
	return mta.Render(ctx, writer, mta.Inventory(site, s.inventoryLists(), forwardsOf(s.cfg)))
}

// mtaConfig is the configuration that the MTA's files follow: the settings of
// the writer are those of the last reload, as the writer itself is.
func (s *Server) mtaConfig() *config.Config {
	cfg := *s.cfg
	cfg.MTA.Configuration = s.inForce().MTA.Configuration
	return &cfg
}

// installMTAFiles renders the files and installs them. What fails is logged:
// mail goes on by the files that are there.
func (s *Server) installMTAFiles(ctx context.Context) error {
	tree := &mta.Tree{Dir: MTADir(s.cfg)}
	if state, err := tree.State(); err == nil && state.Pinned {
		s.log.Warn("the MTA's files are those of an undo; `mmgw mta apply` installs the present ones")
		return nil
	}
	files, err := s.MTAFiles(ctx)
	if err != nil {
		return err
	}
	report, err := tree.Apply(ctx, files, MTAOptions(s.mtaConfig()))
	if len(report.Written)+len(report.Removed) > 0 {
		s.log.Info("MTA files installed", "dir", tree.Dir, "written", len(report.Written), "removed", len(report.Removed))
	}
	return err
}

// keepMTAFiles installs the files at once and after every change of the lists,
// many changes in one run, until ctx ends.
func (s *Server) keepMTAFiles(ctx context.Context) {
	for {
		var retry <-chan time.Time
		switch err := s.installMTAFiles(ctx); {
		case ctx.Err() != nil:
			return
		case errors.Is(err, mta.ErrNoPostmap):
			s.log.Warn("the MTA's files are written, but not compiled", "error", err)
		case err != nil:
			s.log.Error("the MTA's files", "error", err, "again_in", mtaRetry)
			retry = time.After(mtaRetry)
		}
		select {
		case <-ctx.Done():
			return
		case <-s.listsBell:
			s.settle(ctx)
		case <-retry:
		}
	}
}

// listsChanged has a gateway that runs write the MTA's files again.
func (s *Server) listsChanged() {
	select {
	case s.listsBell <- struct{}{}:
	default:
	}
}

// settle waits until the lists do not change any more.
func (s *Server) settle(ctx context.Context) {
	late := time.After(mtaSettleMax)
	for {
		select {
		case <-s.listsBell:
		case <-time.After(mtaSettle):
			return
		case <-late:
			return
		case <-ctx.Done():
			return
		}
	}
}
