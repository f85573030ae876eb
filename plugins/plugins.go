// Package plugins has the built-in plugins: Go source against the SDK, one
// folder each, and the .wasm that was built from it, which is what runs.
// SHA256SUMS names the digest of each.
//
// go generate builds them again, byte for byte the same (see internal/build).
package plugins

import (
	"embed"
	"slices"

	"github.com/mmgw/mmgw/sdk/wire"
)

//go:generate go run ./internal/build

//go:embed */*.wasm
var modules embed.FS

// Names are the built-in plugins, sorted.
func Names() []string {
	entries, err := modules.ReadDir(".")
	if err != nil {
		panic(err) // an embedded folder is always there
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	slices.Sort(names)
	return names
}

// Lookup returns the compiled module of a built-in plugin, and whether there
// is one of that name. "exim" is another name of "exim4". The bytes are the
// caller's.
func Lookup(name string) ([]byte, bool) {
	if name == "exim" {
		name = "exim4"
	}
	wasm, err := modules.ReadFile(name + "/" + name + ".wasm")
	return wasm, err == nil
}

// Capabilities are those that a built-in plugin has beyond the usual ones where
// the configuration does not say: it was read by those who grant them.
func Capabilities(name string) []string {
	if name == "deliver" {
		return []string{wire.CapRecipients, wire.CapMembers}
	}
	return nil
}
