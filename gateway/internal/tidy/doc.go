// Package tidy holds the rules of the house, as tests over the whole
// repository: who may import whom, how large things may be, what must have a
// comment, what may be committed. Each rule is a function from a repository to
// its findings; each has a control, a small bad repository that it must catch.
//
// It has no code of its own: go test runs it, without network.
package tidy
