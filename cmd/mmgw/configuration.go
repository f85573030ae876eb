package main

import (
	"os"

	"github.com/mmgw/mmgw/gateway/config"
	"github.com/mmgw/mmgw/plugins"
)

// load reads the configuration. Its error is config.Problems.
func (g *globals) load() (*config.Config, error) {
	return config.Load(config.FindPath(g.configFile, os.Getenv("MMGW_CONFIG")), config.Options{
		Known: func(name string) bool { _, known := plugins.Lookup(name); return known },
		Root:  os.Geteuid() == 0,
	})
}
