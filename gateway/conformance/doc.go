// Package conformance tries modules out, as their authors and this project do:
// `mmgw plugin test` runs it on the modules of a folder, tests run it on every
// example and built-in plugin.
//
// It asks a module two kinds of things. Its cases say what it is to do: a
// message and circumstances, and the verdict and edits that are to come of them
// (see Case). The trials are the same for all: mail and circumstances that
// nobody expects, and every refusal that the host may answer with. There a
// module may rule as it likes and may fail in words, by returning a number; it
// may not trap, not compute without end, and not say what cannot be applied.
package conformance
