// Package abi is the raw layer of the guest SDK: one Go function for each host
// function of ABI 1 (sdk/ABI.md), with strings and byte slices in place of
// pointers and lengths, and results as they come.
//
// In a module they call imports from mmgw. Everywhere else they go to the Host
// that Play installed, which is how sdk/sdktest runs a module's handlers
// natively. That Host is the one seam of the guest side, and the only state of
// this package.
package abi

// Finish turns a handler's error into the result of its export: 0, or 1 with
// the error's text told to mmgw.
func Finish(err error) int32 {
	if err == nil {
		return 0
	}
	Error(err.Error())
	return 1
}
