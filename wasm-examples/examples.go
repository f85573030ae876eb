// Package examples has handlers that show how modules are written, one folder
// each: a source, which begins with what it does, its settings and the line that
// builds it; the .wasm beside it; and in testdata the cases that it is tested
// with. `mmgw demo` runs some of them.
//
//	footer            C               a text under posts, in their own encoding
//	size-gate         WAT             refuses large posts
//	score-gate        Rust            judges by the score of a spam filter
//	out-of-office     AssemblyScript  drops automatic answers
//	header-gate       Zig             holds or refuses what has a word in a field
//	greylist          Rust            puts off strangers, refuses whom a DNS list has
//	strip-attachments C++             takes programs out of messages
//	plus-tag          Go              sends mail on by the tag in its address
//	pigeon            C               configures an MTA that does not exist
//	refuse            Go              refuses posts with some words in them
//	spin              Go              never ends, to see what comes of it
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
