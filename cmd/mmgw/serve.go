package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/admin"
	"github.com/mmgw/mmgw/gateway/config"
	"github.com/mmgw/mmgw/gateway/server"
	"github.com/mmgw/mmgw/gateway/store"
)

const serveName = "serve"

func serveCommand(g *globals) *cobra.Command {
	return &cobra.Command{
		Use: serveName, Short: "Run the gateway", Args: cobra.NoArgs,
		Long: "Runs the gateway. It writes one line to standard output for each listener and then `ready`, and\n" +
			"its log to standard error. On SIGTERM it stops: transactions in progress get 10 seconds, and\n" +
			"what is queued stays. On SIGHUP it reads the configuration again; one with an error changes\n" +
			"nothing. A supervisor that sets $NOTIFY_SOCKET, as systemd does for Type=notify, is told of all\n" +
			"this.",
		Example: "  mmgw serve --config /etc/mmgw/mmgw.toml",
		RunE: func(c *cobra.Command, _ []string) error {
			keepGarbageLowForLoading()
			cfg, err := g.load()
			if err != nil {
				return err
			}
			return g.serve(c, cfg)
		},
	}
}

// serve runs the gateway until the context of the command ends. If Open fails, the
// configuration or the state directory is at fault; later failures are mostly those of
// listeners.
func (g *globals) serve(c *cobra.Command, cfg *config.Config) error {
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) // the gateway outlives the reader of its log
	out := newLogOutput(c.ErrOrStderr(), logger(c.ErrOrStderr(), cfg.Log))
	defer out.Close()
	log := logger(out, cfg.Log)
	for _, name := range server.Unused(cfg) {
		log.Warn("this version reads this setting and does not act on it", "key", name)
	}
	giveWay()
	ctx := c.Context()
	hangUps := make(chan os.Signal, 1)
	signal.Notify(hangUps, syscall.SIGHUP) // before Open, during which the signal must not end the process
	defer signal.Stop(hangUps)
	s, err := server.Open(ctx, cfg, announcing(c.OutOrStdout(), log))
	if err != nil {
		return openFailure(cfg, err)
	}
	go keepGarbageBound(ctx)
	defer context.AfterFunc(ctx, func() { tellSupervisor(nowStopping, log) })()
	var hearing sync.WaitGroup
	hearing.Go(func() { g.reloads(ctx, s, hangUps, log) })
	err = s.Serve(ctx)
	signal.Stop(hangUps)
	close(hangUps)
	hearing.Wait()
	return endFailure(errors.Join(err, s.Close()))
}

// endFailure is the error of the command for one that ended a running gateway.
func endFailure(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, server.ErrStateDir):
		return failure(admin.ExitCantCreate, "%s", oneLine(err))
	}
	return failure(admin.ExitUnavailable, "%s", oneLine(err))
}

// announcing is the Env of a gateway that prints its listeners to out, and tells the
// supervisor when it is ready.
func announcing(out io.Writer, log *slog.Logger) server.Env {
	return server.Env{
		Version: version(), Log: log,
		Listening: func(kind, network, address string) { fmt.Fprintln(out, "listening", kind, network, address) },
		Ready: func() {
			boundGarbage()
			fmt.Fprintln(out, "ready")
			tellSupervisor(nowReady, log)
		},
	}
}

// reloads reloads the configuration at each signal, until hangUps is closed.
func (g *globals) reloads(ctx context.Context, s *server.Server, hangUps <-chan os.Signal, log *slog.Logger) {
	for range hangUps {
		tellSupervisor(nowReloading, log)
		cfg, err := g.load()
		if err == nil {
			err = s.Reload(ctx, cfg)
			boundGarbage()
		}
		if err != nil {
			for line := range strings.SplitSeq(err.Error(), "\n") {
				log.Error("configuration not reloaded, nothing has changed", "problem", line)
			}
		}
		tellSupervisor(nowReady, log)
	}
}

// logger is the log of a gateway, as configured.
func logger(w io.Writer, l config.Log) *slog.Logger {
	options := &slog.HandlerOptions{Level: l.Level, ReplaceAttr: errorText}
	if l.Format == config.LogJSON {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}

// errorText replaces an error by its text: some errors of the database engine would be
// logged with a stack trace.
func errorText(_ []string, a slog.Attr) slog.Attr {
	if a.Value.Kind() == slog.KindAny {
		if err, ok := a.Value.Any().(error); ok {
			a.Value = slog.StringValue(err.Error())
		}
	}
	return a
}

// openFailure is the error of the command for one of Open: of the state directory, or of
// the configuration.
func openFailure(cfg *config.Config, err error) error {
	var status *gateway.Status
	switch {
	case errors.Is(err, store.ErrInUse):
		return failure(admin.ExitTryLater, "%s: %v", cfg.StateDir, err)
	case errors.Is(err, server.ErrStateDir), errors.As(err, &status):
		return failure(admin.ExitCantCreate, "%s", oneLine(err))
	}
	return problemsOf(cfg, err)
}

// problemsOf returns err as problems: itself, or each of its lines as a problem of the
// configuration file.
func problemsOf(cfg *config.Config, err error) error {
	var problems config.Problems
	if errors.As(err, &problems) {
		return problems
	}
	for line := range strings.SplitSeq(err.Error(), "\n") {
		problems = append(problems, config.Problem{File: cfg.File, Text: gateway.Printable(line)})
	}
	return problems
}
