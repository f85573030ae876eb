// Package examples has handlers that show how modules are written, one folder
// each, with the .wasm beside its source. `mmgw demo` runs them.
package examples

import "embed"

//go:embed */*.wasm
var modules embed.FS

// Lookup returns the compiled module of an example by the name of its folder,
// and whether there is one. The bytes are the caller's.
func Lookup(name string) ([]byte, bool) {
	wasm, err := modules.ReadFile(name + "/" + name + ".wasm")
	return wasm, err == nil
}
