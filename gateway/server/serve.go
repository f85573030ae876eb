package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"time"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/admin"
	"github.com/mmgw/mmgw/gateway/config"
	"github.com/mmgw/mmgw/gateway/lmtp"
	"github.com/mmgw/mmgw/gateway/queue"
	"github.com/mmgw/mmgw/mta/lookup"
)

// shutdownGrace is how long transactions in progress may go on after the
// gateway was told to stop. The MTA keeps what is cut off then.
const shutdownGrace = 10 * time.Second

// Serve takes and sends mail until ctx ends. It returns nil after an orderly
// stop, with what is queued still in the spool, and stops in the same order where
// it fails.
func (s *Server) Serve(ctx context.Context) error { return s.running(ctx).serve() }

func (s *Server) running(ctx context.Context) *running {
	r := &running{Server: s, failed: make(chan error, 8)}
	r.ctx, r.end = context.WithCancel(ctx)
	r.delivering, r.cut = context.WithCancel(context.WithoutCancel(ctx))
	return r
}

func (r *running) serve() error {
	defer r.end()
	defer r.cut()
	if err := r.listen(); err != nil {
		r.closeListeners()
		return err
	}
	r.fillLine()
	r.start()
	r.env.Ready()
	var err error
	select {
	case <-r.ctx.Done():
	case err = <-r.failed:
		r.end()
	}
	r.log.Info("stopping", "grace", shutdownGrace)
	r.stop()
	r.log.Info("stopped", "queued", r.line.count().Waiting+r.line.count().Ready)
	return err
}

// fillLine puts what the spool holds into the queue. What cannot be read stays in the
// spool, and is logged.
func (s *Server) fillLine() {
	n := 0
	s.line.change(func(q *queue.Queue) {
		for entry, err := range s.spool.Entries() {
			if err != nil {
				s.log.Error("a record of the spool cannot be read, the rest goes on", "error", err)
				continue
			}
			q.Add(s.dated(entry))
			n++
		}
	})
	if n > 0 {
		s.log.Info("queued from before", "entries", n)
	}
}

// dated gives an entry that has no end one: legs are stored without theirs. One that
// waits longer than any does was stored while the clock was ahead, and the gateway
// did not run when it was set back. A batch before its first attempt is due when its
// plan says.
func (s *Server) dated(e gateway.Entry) gateway.Entry {
	planned := e.Batch != gateway.ExpandLeg && e.Attempt == 0
	if now := time.Now(); !planned && e.Due.After(now.Add(queue.RetryDelayMax)) {
		e.Due = now
	}
	if e.Expires.IsZero() {
		e.Expires = e.Due.Add(s.cfg.MTA.DeliveryRetryPeriod)
	}
	return e
}

// wake puts entries into the queue of a gateway that runs. If none does, the next one
// finds them in the spool.
func (s *Server) wake(entries []gateway.Entry) {
	if s.onlyState() {
		return
	}
	for i := range entries {
		entries[i] = s.dated(entries[i])
	}
	s.line.add(entries)
}

// running is a gateway between start and stop.
type running struct {
	*Server
	ctx        context.Context // ends with the gateway
	end        context.CancelFunc
	delivering context.Context // of transactions going out: outlives ctx by the grace
	cut        context.CancelFunc
	failed     chan error

	lmtp     *lmtp.Server
	tcp      net.Listener
	sockets  []net.Listener // LMTP's second, if any
	admin    net.Listener
	metrics  net.Listener
	oneClick net.Listener
	lookup   net.Listener
	group    sync.WaitGroup
	stopped  chan struct{}
}

func (r *running) listen() error {
	cfg := r.cfg
	var err error
	if r.tcp, err = net.Listen("tcp", cfg.MTA.ListenAddress()); err != nil {
		return fmt.Errorf("mta.lmtp_host and lmtp_port: %w", err)
	}
	r.listening.Store(r.tcp.Addr().String())
	r.env.Listening("lmtp", "tcp", r.tcp.Addr().String())
	if path := cfg.MTA.LMTPSocket; path != "" {
		l, err := listenUnix(path, cfg.LMTP.SocketMode, cfg.LMTP.SocketGroup)
		if err != nil {
			return fmt.Errorf("mta.lmtp_socket: %w", err)
		}
		r.sockets = append(r.sockets, l)
		r.env.Listening("lmtp", "unix", path)
	}
	if r.admin, err = listenUnix(filepath.Join(cfg.StateDir, AdminSocket), 0o600, ""); err != nil {
		return fmt.Errorf("state_dir: %w", err)
	}
	if at := cfg.Lookup.Listen; at.Network != "" {
		if r.lookup, err = r.listenForLookups(at); err != nil {
			return fmt.Errorf("lookup.listen: %w", err)
		}
		r.env.Listening("lookup", at.Network, r.lookup.Addr().String())
	}
	if at := cfg.HTTP.Listen; at.Network != "" {
		if r.oneClick, err = listenAt(at); err != nil {
			return fmt.Errorf("http.listen: %w", err)
		}
		r.env.Listening("http", at.Network, r.oneClick.Addr().String())
	}
	if at := cfg.Metrics.Listen; at.Network != "" {
		if r.metrics, err = listenAt(at); err != nil {
			return fmt.Errorf("metrics.listen: %w", err)
		}
		r.env.Listening("metrics", at.Network, r.metrics.Addr().String())
	}
	return nil
}

func listenAt(at config.Endpoint) (net.Listener, error) {
	if at.Network == "unix" {
		return listenUnix(at.Address, 0o660, "")
	}
	return net.Listen(at.Network, at.Address)
}

func (r *running) closeListeners() {
	for _, l := range append(r.sockets, r.tcp, r.admin, r.metrics, r.lookup, r.oneClick) {
		if l != nil {
			l.Close()
		}
	}
}

func (r *running) start() {
	r.stopped = make(chan struct{})
	r.lmtp = lmtpServer(r.cfg, doorman{r.intake, &r.line.yield}, r.log)
	for _, l := range append([]net.Listener{r.tcp}, r.sockets...) {
		r.run(func() error { return r.lmtp.Serve(l) })
	}
	r.run(func() error { return admin.Serve(r.ctx, r.admin, admin.Handler(r.Operations())) })
	if r.metrics != nil {
		health := admin.Health{Metrics: r.metricsRegistry(), Ready: r.ready}
		r.run(func() error { return admin.Serve(r.ctx, r.metrics, health.Handler()) })
	}
	if r.oneClick != nil {
		r.run(func() error { return admin.Serve(r.ctx, r.oneClick, r.unsubscribePage()) })
	}
	if r.lookup != nil {
		server := &lookup.Server{Tables: r.lookupTables(), Allow: r.cfg.LMTP.Allow, Log: r.log}
		r.run(func() error { return server.Serve(r.ctx, r.lookup) })
	}
	r.run(r.untilSpent)
	r.group.Go(func() { r.work(r.delivering, r.stopped) })
	r.group.Go(func() { r.spool.KeepRoom(r.ctx) })
	r.group.Go(func() { r.keepMTAFiles(r.ctx) })
	r.group.Go(func() { every(r.ctx, heldInterval, r.expireHeld) })
	r.group.Go(func() { r.forgetKept(r.ctx) })
	r.group.Go(func() {
		every(r.ctx, bouncesInterval, func(now, surely time.Time) { r.scores.Due(r.ctx, now, surely) })
	})
}

// How often something is looked for that is due: messages that were held too long, of
// which all are read, and members that bounces disabled, for whom days count.
const (
	heldInterval    = time.Hour
	bouncesInterval = time.Hour
)

// expireHeld drops what no moderator ruled on in time.
func (s *Server) expireHeld(_, surely time.Time) {
	if _, err := s.held.Expire(surely); err != nil {
		s.log.Error("expire what is held", "error", err)
	}
}

// ready says why no mail should be sent here.
func (r *running) ready() error {
	select {
	case <-r.stopped:
		return errors.New("stopping")
	default:
		return r.spool.Ready()
	}
}

// untilSpent fails when this process cannot open the database again: a process that will
// never take mail again gives way to another, which a supervisor starts.
func (r *running) untilSpent() error {
	select {
	case <-r.ctx.Done():
		return nil
	case <-r.store.Spent():
		return fmt.Errorf("%w: its disk failed too often; a start may help", ErrStateDir)
	}
}

// run runs a server whose failure ends the gateway.
func (r *running) run(serve func() error) {
	r.group.Go(func() {
		if err := serve(); err != nil && !errors.Is(err, net.ErrClosed) && !errors.Is(err, http.ErrServerClosed) {
			r.failed <- err
		}
	})
}

// stop ends the intake, then the deliveries, each within the grace.
func (r *running) stop() {
	ctx, cancel := context.WithTimeout(context.Background(), shutdownGrace)
	defer cancel()
	context.AfterFunc(ctx, r.cut)
	close(r.stopped)
	if err := r.lmtp.Shutdown(ctx); err != nil {
		r.log.Warn("transactions were cut off", "error", err)
	}
	r.closeListeners()
	r.group.Wait()
}

func lmtpServer(cfg *config.Config, intake gateway.Intake, log *slog.Logger) *lmtp.Server {
	return &lmtp.Server{
		Intake: intake, Hostname: cfg.Hostname, ReplyPause: cfg.LMTP.ReplyPause,
		BareNewlineRefused: cfg.LMTP.BareNewline == config.RejectNewlines, Allow: cfg.LMTP.Allow, Log: log,
		Limits: lmtp.Limits{
			ContentBytesMax: cfg.MTA.MaxMessageSize, RecipientsMax: cfg.LMTP.MaxRecipients,
			ConnectionsMax: cfg.LMTP.MaxConnections, IdleTimeout: cfg.LMTP.IdleTimeout,
		},
	}
}
