// Package modules owns which version of a module answers to a name, and how
// one version gives way to the next while messages are on their way.
//
// What it promises:
//
//   - A chain that began with a version ends with it: it holds a Lease, and a
//     version is closed when nobody holds it any more.
//   - A version that follows another is on trial. Where it fails on a message
//     on which the one before does not, the one before rules on that message;
//     after a few such messages it takes its place back.
//   - A module that keeps failing is asked no longer, and asked again later.
//     That never lets a message pass unexamined that on_error would not.
//   - A Shadow sees what a module sees, and nothing it does has an effect.
//   - A Shelf keeps the versions of a name over a restart.
//
// It starts one goroutine for each Shadow, which ends with Shadow.Close.
package modules
