// Package modules manages the versions of plugins: which version of a module is
// called by a name, and how one replaces another while mail flows.
//
// What it promises:
//
//   - A chain ends with the version that it began with: it holds a Lease, and a
//     version is closed when its last holder lets go.
//   - A version that replaces another is on trial. If it fails on a message and the
//     version before does not, the verdict of the version before counts; after a few
//     such messages that version takes its place back.
//   - A module that keeps failing is not called for a while. No message passes
//     unexamined because of that, unless on_error would let it.
//   - A Shadow sees what a module sees, without any effect on mail.
//   - A Shelf keeps the versions of a name across restarts.
//
// It starts one goroutine for each Shadow, which ends with Shadow.Close.
package modules
