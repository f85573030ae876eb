// Package abi is the lowest layer of the Go SDK: one function for each host function of ABI
// 1 (sdk/ABI.md), with strings and byte slices in place of pointers and lengths, and with
// the results as they come.
//
// In a module the functions call mmgw. Everywhere else they call the Host that Play has
// installed, which is how sdk/sdktest runs handlers natively. That Host is the only state of
// this package.
package abi

// Finish is the result of an export for a handler's error: 0 for nil, and otherwise 1, after
// it has given the text of the error to mmgw.
func Finish(err error) int32 {
	if err == nil {
		return 0
	}
	Error(err.Error())
	return 1
}
