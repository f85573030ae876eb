package main

import (
	"os"

	"github.com/mmgw/mmgw/gateway/config"
	"github.com/mmgw/mmgw/plugins"
)

// load reads the configuration. Its error is config.Problems.
func (g *globals) load() (*config.Config, error) {
	return config.Load(g.path(), configOptions())
}

// stateDir reads nothing else of it, if that can be done.
func (g *globals) stateDir() (dir string, ok bool) {
	return config.StateDir(g.path(), configOptions())
}

func (g *globals) path() string { return config.FindPath(g.configFile, os.Getenv("MMGW_CONFIG")) }

func configOptions() config.Options {
	return config.Options{
		Known: func(name string) bool { _, known := plugins.Lookup(name); return known },
		Root:  os.Geteuid() == 0,
	}
}
