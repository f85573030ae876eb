package main

import (
	"context"
	"errors"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/mmgw/mmgw/gateway/admin"
	"github.com/mmgw/mmgw/gateway/config"
	"github.com/mmgw/mmgw/gateway/roster"
	"github.com/mmgw/mmgw/gateway/server"
	"github.com/mmgw/mmgw/gateway/store"
)

// gatewayCall is a call of one of the gateway's operations.
type gatewayCall func(name string, args, result any) error

// withGateway calls do with a way to call operations of the gateway: through its socket if
// it runs, and otherwise on its state directory, which stays open until do returns.
func (g *globals) withGateway(c *cobra.Command, do func(call gatewayCall) error) error {
	access := &access{load: g.load}
	dir, ok := g.stateDir()
	if !ok {
		cfg, err := g.load()
		if err != nil {
			return err
		}
		dir = cfg.StateDir
	}
	access.client.Socket = filepath.Join(dir, server.AdminSocket)
	err := do(func(name string, args, result any) error { return access.call(c.Context(), name, args, result) })
	return errors.Join(err, access.close())
}

// call is withGateway for one operation.
func (g *globals) call(c *cobra.Command, name string, args, result any) error {
	return g.withGateway(c, func(call gatewayCall) error { return call(name, args, result) })
}

// access is the way to a gateway, which the first call finds out.
type access struct {
	load   func() (*config.Config, error)
	client admin.Client
	state  *server.Server // opened if no gateway runs
	back   func()         // gives up the rights of the owner of state
}

// call calls an operation of the running gateway. If none runs, the first call opens the
// state, which further calls use too.
func (a *access) call(ctx context.Context, name string, args, result any) error {
	if a.state == nil {
		err := a.client.Call(ctx, name, args, result)
		if !errors.Is(err, admin.ErrNotRunning) {
			return err
		}
		if err := a.open(name); err != nil {
			return err
		}
	}
	return a.state.Operations().Call(ctx, name, args, result)
}

// open opens the state of the whole configuration for an operation.
func (a *access) open(name string) error {
	cfg, err := a.load()
	if err != nil {
		return err
	}
	a.back = server.AsOwner(cfg.StateDir)
	if a.state, err = openState(cfg); errors.Is(err, roster.ErrListExists) && name == "list.delete" {
		without := *cfg // the list to delete conflicts with one of the file
		without.Lists = nil
		a.state, err = openState(&without)
	}
	return err
}

// openState opens the state directory. The error tells one that is in use, which may work a
// moment later, from one that cannot be used.
func openState(cfg *config.Config) (*server.Server, error) {
	state, err := server.OpenState(cfg, server.Env{})
	switch {
	case errors.Is(err, store.ErrInUse):
		return nil, failure(admin.ExitTryLater, "%s is in use, and no gateway answers there; try again later", cfg.StateDir)
	case errors.Is(err, roster.ErrListExists):
		return nil, errors.Join(problemsOf(cfg, err), err)
	case err != nil:
		return nil, stateFailure(err)
	}
	return state, nil
}

// stateFailure is the error of a state directory that cannot be used.
func stateFailure(err error) error {
	if _, known := errors.AsType[*admin.Error](err); known {
		return err
	}
	return failure(admin.ExitCantCreate, "%v", err)
}

func (a *access) close() error {
	if a.back != nil {
		defer a.back()
	}
	if a.state == nil {
		return nil
	}
	return a.state.Close()
}
