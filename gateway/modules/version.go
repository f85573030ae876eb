package modules

import (
	"sync/atomic"

	"github.com/mmgw/mmgw/gateway/sandbox"
)

// Version is one loaded module file under a name. Its exported fields do not
// change once a Module has it.
type Version struct {
	Plugin *sandbox.Plugin
	Wasm   []byte // as it was loaded
	Source string // where it came from, for people
	Limits Limits // of its breaker

	// Accepts says that messages which the module fails on are accepted: it is
	// asked on reduced fuel then while its breaker is open.
	Accepts bool

	breaker breaker
	holders atomic.Int64
}

// ModuleName ties a record to the module that was at work: its name and the
// first digits of its SHA-256.
func (v *Version) ModuleName() string {
	const digits = 12
	return v.Plugin.Name() + "@" + v.Plugin.Digest()[:digits]
}

func (v *Version) hold() { v.holders.Add(1) }

// drop lets go of a version; the last one to do so closes it.
func (v *Version) drop() {
	if v.holders.Add(-1) == 0 {
		v.Plugin.Close()
	}
}
