package abi

import "unsafe"

// at is the address of the octets of s, and in that of the octets of b. mmgw uses an address
// only during the call.
func at(s string) unsafe.Pointer { return unsafe.Pointer(unsafe.StringData(s)) }

func in(b []byte) unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(b)) }

// Get reads a key.
func Get(key string, buf []byte) int32 {
	return hostGet(at(key), uint32(len(key)), in(buf), uint32(len(buf)))
}

// GetInt reads a key as a number.
func GetInt(key string) int64 {
	return hostGetInt(at(key), uint32(len(key)))
}

// Set sets a key.
func Set(key, value string) int32 {
	return hostSet(at(key), uint32(len(key)), at(value), uint32(len(value)))
}

// Log writes a log line.
func Log(level int32, text string) {
	hostLog(level, at(text), uint32(len(text)))
}

// LogEnabled says whether lines of a level are kept.
func LogEnabled(level int32) int32 {
	return hostLogEnabled(level)
}

// Error explains a nonzero return.
func Error(text string) {
	hostError(at(text), uint32(len(text)))
}

// NowMS is the time in milliseconds since 1970.
func NowMS() int64 {
	return hostNowMS()
}

// Random fills buf.
func Random(buf []byte) int32 {
	return hostRandom(in(buf), uint32(len(buf)))
}

// RcptCount counts the recipients.
func RcptCount() int32 {
	return hostRcptCount()
}

// RcptGet reads an address.
func RcptGet(i int32, buf []byte) int32 {
	return hostRcptGet(i, in(buf), uint32(len(buf)))
}

// RcptAdd adds a recipient.
func RcptAdd(address string) int32 {
	return hostRcptAdd(at(address), uint32(len(address)))
}

// RcptRemove removes a recipient.
func RcptRemove(i int32) int32 {
	return hostRcptRemove(i)
}

// RcptSet sets a key of one recipient.
func RcptSet(i int32, key, value string) int32 {
	return hostRcptSet(i, at(key), uint32(len(key)), at(value), uint32(len(value)))
}

// HeaderCount counts the fields.
func HeaderCount() int32 {
	return hostHeaderCount()
}

// HeaderName reads a field's name.
func HeaderName(i int32, buf []byte) int32 {
	return hostHeaderName(i, in(buf), uint32(len(buf)))
}

// HeaderValue reads a field's value, unfolded.
func HeaderValue(i int32, buf []byte) int32 {
	return hostHeaderValue(i, in(buf), uint32(len(buf)))
}

// HeaderRaw reads a field as it is in the message.
func HeaderRaw(i int32, buf []byte) int32 {
	return hostHeaderRaw(i, in(buf), uint32(len(buf)))
}

// HeaderFind finds a field from an index on.
func HeaderFind(name string, from int32) int32 {
	return hostHeaderFind(at(name), uint32(len(name)), from)
}

// HeaderGet reads the nth value of a name.
func HeaderGet(name string, nth int32, buf []byte) int32 {
	return hostHeaderGet(at(name), uint32(len(name)), nth, in(buf), uint32(len(buf)))
}

// HeaderInsert inserts a field.
func HeaderInsert(i int32, name, value string) int32 {
	return hostHeaderInsert(i, at(name), uint32(len(name)), at(value), uint32(len(value)))
}

// HeaderReplace replaces a field's value.
func HeaderReplace(i int32, value string) int32 {
	return hostHeaderReplace(i, at(value), uint32(len(value)))
}

// HeaderDelete deletes a field.
func HeaderDelete(i int32) int32 {
	return hostHeaderDelete(i)
}

// HeaderSet makes a field the only one of its name.
func HeaderSet(name, value string) int32 {
	return hostHeaderSet(at(name), uint32(len(name)), at(value), uint32(len(value)))
}

// HeaderRemove deletes all fields of a name.
func HeaderRemove(name string) int32 {
	return hostHeaderRemove(at(name), uint32(len(name)))
}

// HeaderTemplate sets a field with placeholders.
func HeaderTemplate(name, value string) int32 {
	return hostHeaderTemplate(at(name), uint32(len(name)), at(value), uint32(len(value)))
}

// BodySize is the length of the body.
func BodySize() int64 {
	return hostBodySize()
}

// BodyRead reads a window of the body.
func BodyRead(off int64, buf []byte) int32 {
	return hostBodyRead(off, in(buf), uint32(len(buf)))
}

// BodyBegin begins a new body.
func BodyBegin() int32 {
	return hostBodyBegin()
}

// BodyWrite adds to the new body.
func BodyWrite(data []byte) int32 {
	return hostBodyWrite(in(data), uint32(len(data)))
}

// PartCount counts the MIME parts.
func PartCount() int32 {
	return hostPartCount()
}

// PartGet reads a key of a part.
func PartGet(part int32, key string, buf []byte) int32 {
	return hostPartGet(part, at(key), uint32(len(key)), in(buf), uint32(len(buf)))
}

// PartRead reads a window of a part, decoded.
func PartRead(part int32, off int64, buf []byte) int32 {
	return hostPartRead(part, off, in(buf), uint32(len(buf)))
}

// PartReplace puts a text in the place of a part.
func PartReplace(part int32, text string) int32 {
	return hostPartReplace(part, at(text), uint32(len(text)))
}

// Verdict decides on the message.
func Verdict(action, code int32, enhanced, text string) int32 {
	return hostVerdict(action, code, at(enhanced), uint32(len(enhanced)), at(text), uint32(len(text)))
}

// RcptVerdict decides on one recipient.
func RcptVerdict(i, action, code int32, enhanced, text string) int32 {
	return hostRcptVerdict(i, action, code, at(enhanced), uint32(len(enhanced)), at(text), uint32(len(text)))
}

// KVGet reads a value.
func KVGet(key string, buf []byte) int32 {
	return hostKVGet(at(key), uint32(len(key)), in(buf), uint32(len(buf)))
}

// KVSet keeps a value for ttl seconds.
func KVSet(key string, value []byte, ttl int32) int32 {
	return hostKVSet(at(key), uint32(len(key)), in(value), uint32(len(value)), ttl)
}

// KVIncr changes a counter.
func KVIncr(key string, delta int64, ttl int32) int64 {
	return hostKVIncr(at(key), uint32(len(key)), delta, ttl)
}

// KVDelete forgets a value.
func KVDelete(key string) int32 {
	return hostKVDelete(at(key), uint32(len(key)))
}

// DNS reads the records of a name.
func DNS(kind int32, name string, buf []byte) int32 {
	return hostDNS(kind, at(name), uint32(len(name)), in(buf), uint32(len(buf)))
}

// Metric adds to a counter of the module.
func Metric(name string, delta int64) {
	hostMetric(at(name), uint32(len(name)), delta)
}

// InvCount counts the rows of a table.
func InvCount(table string) int32 {
	return hostInvCount(at(table), uint32(len(table)))
}

// InvGet reads a column.
func InvGet(table string, row int32, column string, buf []byte) int32 {
	return hostInvGet(at(table), uint32(len(table)), row, at(column), uint32(len(column)), in(buf), uint32(len(buf)))
}

// FileBegin begins a file.
func FileBegin(path string, mode int32) int32 {
	return hostFileBegin(at(path), uint32(len(path)), mode)
}

// FileWrite adds to the file.
func FileWrite(data []byte) int32 {
	return hostFileWrite(in(data), uint32(len(data)))
}

// FileEnd ends the file.
func FileEnd() int32 {
	return hostFileEnd()
}
