//go:build !wasm && !tinygo.wasm

package abi

import "sync"

// Host answers in place of mmgw. Its methods are the host functions of ABI 1
// by the same names; results are as sdk/ABI.md says.
type Host interface {
	Get(key string, buf []byte) int32
	GetInt(key string) int64
	Set(key, value string) int32
	Log(level int32, text string)
	LogEnabled(level int32) int32
	Error(text string)
	NowMS() int64
	Random(buf []byte) int32
	RcptCount() int32
	RcptGet(i int32, buf []byte) int32
	RcptAdd(address string) int32
	RcptRemove(i int32) int32
	RcptSet(i int32, key, value string) int32
	HeaderCount() int32
	HeaderName(i int32, buf []byte) int32
	HeaderValue(i int32, buf []byte) int32
	HeaderRaw(i int32, buf []byte) int32
	HeaderFind(name string, from int32) int32
	HeaderGet(name string, nth int32, buf []byte) int32
	HeaderInsert(i int32, name, value string) int32
	HeaderReplace(i int32, value string) int32
	HeaderDelete(i int32) int32
	HeaderSet(name, value string) int32
	HeaderRemove(name string) int32
	HeaderTemplate(name, value string) int32
	BodySize() int64
	BodyRead(off int64, buf []byte) int32
	BodyBegin() int32
	BodyWrite(data []byte) int32
	Verdict(action, code int32, enhanced, text string) int32
	RcptVerdict(i, action, code int32, enhanced, text string) int32
	InvCount(table string) int32
	InvGet(table string, row int32, column string, buf []byte) int32
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
	defer func() { current = nil }()
	f()
}

// Get reads a key.
func Get(key string, buf []byte) int32 { return current.Get(key, buf) }

// GetInt reads a key as a number.
func GetInt(key string) int64 { return current.GetInt(key) }

// Set sets a key.
func Set(key, value string) int32 { return current.Set(key, value) }

// Log writes a log line.
func Log(level int32, text string) { current.Log(level, text) }

// LogEnabled says whether lines of a level are kept.
func LogEnabled(level int32) int32 { return current.LogEnabled(level) }

// Error explains a nonzero return.
func Error(text string) { current.Error(text) }

// NowMS is the time in milliseconds since 1970.
func NowMS() int64 { return current.NowMS() }

// Random fills buf.
func Random(buf []byte) int32 { return current.Random(buf) }

// RcptCount counts the recipients.
func RcptCount() int32 { return current.RcptCount() }

// RcptGet reads an address.
func RcptGet(i int32, buf []byte) int32 { return current.RcptGet(i, buf) }

// RcptAdd adds a recipient.
func RcptAdd(address string) int32 { return current.RcptAdd(address) }

// RcptRemove removes a recipient.
func RcptRemove(i int32) int32 { return current.RcptRemove(i) }

// RcptSet sets a key of one recipient.
func RcptSet(i int32, key, value string) int32 { return current.RcptSet(i, key, value) }

// HeaderCount counts the fields.
func HeaderCount() int32 { return current.HeaderCount() }

// HeaderName reads a field's name.
func HeaderName(i int32, buf []byte) int32 { return current.HeaderName(i, buf) }

// HeaderValue reads a field's value, unfolded.
func HeaderValue(i int32, buf []byte) int32 { return current.HeaderValue(i, buf) }

// HeaderRaw reads a field as it stands in the message.
func HeaderRaw(i int32, buf []byte) int32 { return current.HeaderRaw(i, buf) }

// HeaderFind finds a field from an index on.
func HeaderFind(name string, from int32) int32 { return current.HeaderFind(name, from) }

// HeaderGet reads the nth value of a name.
func HeaderGet(name string, nth int32, buf []byte) int32 { return current.HeaderGet(name, nth, buf) }

// HeaderInsert inserts a field.
func HeaderInsert(i int32, name, value string) int32 { return current.HeaderInsert(i, name, value) }

// HeaderReplace replaces a field's value.
func HeaderReplace(i int32, value string) int32 { return current.HeaderReplace(i, value) }

// HeaderDelete deletes a field.
func HeaderDelete(i int32) int32 { return current.HeaderDelete(i) }

// HeaderSet makes a field the only one of its name.
func HeaderSet(name, value string) int32 { return current.HeaderSet(name, value) }

// HeaderRemove deletes all fields of a name.
func HeaderRemove(name string) int32 { return current.HeaderRemove(name) }

// HeaderTemplate sets a field with placeholders.
func HeaderTemplate(name, value string) int32 { return current.HeaderTemplate(name, value) }

// BodySize is the length of the body.
func BodySize() int64 { return current.BodySize() }

// BodyRead reads a window of the body.
func BodyRead(off int64, buf []byte) int32 { return current.BodyRead(off, buf) }

// BodyBegin begins a new body.
func BodyBegin() int32 { return current.BodyBegin() }

// BodyWrite adds to the new body.
func BodyWrite(data []byte) int32 { return current.BodyWrite(data) }

// Verdict decides on the message.
func Verdict(action, code int32, enhanced, text string) int32 {
	return current.Verdict(action, code, enhanced, text)
}

// RcptVerdict decides on one recipient.
func RcptVerdict(i, action, code int32, enhanced, text string) int32 {
	return current.RcptVerdict(i, action, code, enhanced, text)
}

// InvCount counts the rows of a table.
func InvCount(table string) int32 { return current.InvCount(table) }

// InvGet reads a column.
func InvGet(table string, row int32, column string, buf []byte) int32 {
	return current.InvGet(table, row, column, buf)
}

// FileBegin begins a file.
func FileBegin(path string, mode int32) int32 { return current.FileBegin(path, mode) }

// FileWrite adds to the file.
func FileWrite(data []byte) int32 { return current.FileWrite(data) }

// FileEnd ends the file.
func FileEnd() int32 { return current.FileEnd() }
