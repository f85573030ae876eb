package server

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/mmgw/mmgw/gateway/config"
	"github.com/mmgw/mmgw/gateway/verp"
)

// verpKeyFile holds the keys of reverse-paths, in the state directory.
const verpKeyFile = "verp.key"

// keys reads a key file of the state directory, or makes it: in one that has been
// used, where it may have been left out of a backup, it says what that costs.
func (s *Server) keys(name, cost string) ([]verp.Key, error) {
	path := filepath.Join(s.cfg.StateDir, name)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) && s.spool.Used() {
		s.log.Warn("there was no key, a new one is made: if there is one in a backup, put it back", "file", path, "until", cost)
	}
	return verp.LoadOrCreateKeys(path)
}

// VERPRotation asks for a new key of reverse-paths.
type VERPRotation struct {
	Believed string `json:"believed"` // how long the key so far is believed, as in the configuration: "15d"
}

// VERPKeys are the keys of reverse-paths, without their secrets.
type VERPKeys struct {
	Believed []VERPKey `json:"believed"` // beside the one that signs, the youngest first
}

// VERPKey is a key that signs no more.
type VERPKey struct {
	Until time.Time `json:"until"`
}

func (s *Server) verpRotate(_ context.Context, args VERPRotation) (any, error) {
	believed, err := config.ParseDuration(args.Believed)
	if err != nil {
		return nil, badData("believed: %v", err)
	}
	path := filepath.Join(s.cfg.StateDir, verpKeyFile)
	if _, err := verp.LoadOrCreateKeys(path); err != nil {
		return nil, err
	}
	keys, err := verp.RotateKeys(path, time.Now(), believed)
	if err != nil {
		return nil, err
	}
	if !s.onlyState() {
		s.expander.VERP.SetKeys(keys)
	}
	s.log.Info("the key of reverse-paths was rotated", "believed", len(keys)-1)
	result := VERPKeys{Believed: []VERPKey{}}
	for _, k := range keys[1:] {
		result.Believed = append(result.Believed, VERPKey{k.Until})
	}
	return result, nil
}
