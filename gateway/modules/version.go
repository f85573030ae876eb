package modules

import (
	"sync/atomic"

	"github.com/mmgw/mmgw/gateway/sandbox"
)

// Version is one loaded module file of a name. Its exported fields do not change once
// a Module has it.
type Version struct {
	Plugin *sandbox.Plugin
	Wasm   []byte // as it was loaded
	Source string // where it came from, for people
	Limits Limits // of its breaker

	// Accepts says that messages on which the module fails are accepted. While its
	// breaker is open it is then called with reduced fuel.
	Accepts bool

	breaker breaker
	holders atomic.Int64
}

// ModuleName is the name of the plugin and the first digits of its SHA-256, such as
// "footer@0123456789ab", so that a record shows which version it is about.
func (v *Version) ModuleName() string {
	const digits = 12
	return v.Plugin.Name() + "@" + v.Plugin.Digest()[:digits]
}

func (v *Version) hold() { v.holders.Add(1) }

// drop lets go of a version. It is closed when its last holder lets go.
func (v *Version) drop() {
	if v.holders.Add(-1) == 0 {
		v.Plugin.Close()
	}
}
