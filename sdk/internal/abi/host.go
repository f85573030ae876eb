//go:build !wasm && !tinygo.wasm

package abi

import "sync"

// Host answers in place of mmgw, with one interface for each topic of ABI 1. Their methods
// have the names of the functions of this package, and the results that sdk/ABI.md
// describes. A topic that no handler uses may be nil.
//
// Implementations may keep strings, but use slices only during the call.
type Host struct {
	Keys
	Logger
	Machine
	Recipients
	Fields
	FieldEdits
	Body
	Parts
	Verdicts
	Values
	Counters
	Resolver
	Inventory
	Files
}

// Keys are the values that a module reads and sets by name.
type Keys interface {
	Get(key string, buf []byte) int32
	GetInt(key string) int64
	Set(key, value string) int32
}

// Logger takes log lines and error texts.
type Logger interface {
	Log(level int32, text string)
	LogEnabled(level int32) int32
	Error(text string)
}

// Machine has the clock and random numbers, which a configuration writer does not get.
type Machine interface {
	NowMS() int64
	Random(buf []byte) int32
}

// Recipients are the recipients of a leg or a batch.
type Recipients interface {
	RcptCount() int32
	RcptGet(i int32, buf []byte) int32
	RcptAdd(address string) int32
	RcptRemove(i int32) int32
	RcptSet(i int32, key, value string) int32
}

// Fields is the header, with the edits so far.
type Fields interface {
	HeaderCount() int32
	HeaderName(i int32, buf []byte) int32
	HeaderValue(i int32, buf []byte) int32
	HeaderRaw(i int32, buf []byte) int32
	HeaderFind(name string, from int32) int32
	HeaderGet(name string, nth int32, buf []byte) int32
}

// FieldEdits are the changes of the header.
type FieldEdits interface {
	HeaderInsert(i int32, name, value string) int32
	HeaderReplace(i int32, value string) int32
	HeaderDelete(i int32) int32
	HeaderSet(name, value string) int32
	HeaderRemove(name string) int32
	HeaderTemplate(name, value string) int32
}

// Body is the old body, to read, and the new one, to write.
type Body interface {
	BodySize() int64
	BodyRead(off int64, buf []byte) int32
	BodyBegin() int32
	BodyWrite(data []byte) int32
}

// Parts are the MIME parts of the body, decoded.
type Parts interface {
	PartCount() int32
	PartGet(part int32, key string, buf []byte) int32
	PartRead(part int32, off int64, buf []byte) int32
	PartReplace(part int32, text string) int32
}

// Verdicts takes what a handler decides.
type Verdicts interface {
	Verdict(action, code int32, enhanced, text string) int32
	RcptVerdict(i, action, code int32, enhanced, text string) int32
}

// Values are what a module keeps from one call to the next.
type Values interface {
	KVGet(key string, buf []byte) int32
	KVSet(key string, value []byte, ttl int32) int32
	KVIncr(key string, delta int64, ttl int32) int64
	KVDelete(key string) int32
}

// Counters takes what a module counts.
type Counters interface {
	Metric(name string, delta int64)
}

// Resolver answers for the DNS.
type Resolver interface {
	DNS(kind int32, name string, buf []byte) int32
}

// Inventory is what a configuration writer reads.
type Inventory interface {
	InvCount(table string) int32
	InvGet(table string, row int32, column string, buf []byte) int32
}

// Files takes what a configuration writer renders.
type Files interface {
	FileBegin(path string, mode int32) int32
	FileWrite(data []byte) int32
	FileEnd() int32
}

var (
	playing sync.Mutex
	current Host
)

// Play runs f with the host functions answered by h. Plays of several
// goroutines take turns.
func Play(h Host, f func()) {
	playing.Lock()
	defer playing.Unlock()
	current = h
	defer func() { current = Host{} }()
	f()
}
