//go:build !wasm && !tinygo.wasm

package abi

import "unsafe"

// stringAt and bytesAt reverse at and in. The functions below take the place of a module's
// imports, so that all other code is the same in tests as in a module.
func stringAt(at unsafe.Pointer, n uint32) string { return unsafe.String((*byte)(at), n) }

func bytesAt(at unsafe.Pointer, n uint32) []byte { return unsafe.Slice((*byte)(at), n) }

func hostGet(key unsafe.Pointer, keyLen uint32, buf unsafe.Pointer, bufLen uint32) int32 {
	return current.Get(stringAt(key, keyLen), bytesAt(buf, bufLen))
}

func hostGetInt(key unsafe.Pointer, keyLen uint32) int64 {
	return current.GetInt(stringAt(key, keyLen))
}

func hostSet(key unsafe.Pointer, keyLen uint32, value unsafe.Pointer, valueLen uint32) int32 {
	return current.Set(stringAt(key, keyLen), stringAt(value, valueLen))
}

func hostLog(level int32, text unsafe.Pointer, textLen uint32) {
	current.Log(level, stringAt(text, textLen))
}

func hostLogEnabled(level int32) int32 {
	return current.LogEnabled(level)
}

func hostError(text unsafe.Pointer, textLen uint32) {
	current.Error(stringAt(text, textLen))
}

func hostNowMS() int64 {
	return current.NowMS()
}

func hostRandom(buf unsafe.Pointer, bufLen uint32) int32 {
	return current.Random(bytesAt(buf, bufLen))
}

func hostRcptCount() int32 {
	return current.RcptCount()
}

func hostRcptGet(i int32, buf unsafe.Pointer, bufLen uint32) int32 {
	return current.RcptGet(i, bytesAt(buf, bufLen))
}

func hostRcptAdd(address unsafe.Pointer, addressLen uint32) int32 {
	return current.RcptAdd(stringAt(address, addressLen))
}

func hostRcptRemove(i int32) int32 {
	return current.RcptRemove(i)
}

func hostRcptSet(i int32, key unsafe.Pointer, keyLen uint32, value unsafe.Pointer, valueLen uint32) int32 {
	return current.RcptSet(i, stringAt(key, keyLen), stringAt(value, valueLen))
}

func hostHeaderCount() int32 {
	return current.HeaderCount()
}

func hostHeaderName(i int32, buf unsafe.Pointer, bufLen uint32) int32 {
	return current.HeaderName(i, bytesAt(buf, bufLen))
}

func hostHeaderValue(i int32, buf unsafe.Pointer, bufLen uint32) int32 {
	return current.HeaderValue(i, bytesAt(buf, bufLen))
}

func hostHeaderRaw(i int32, buf unsafe.Pointer, bufLen uint32) int32 {
	return current.HeaderRaw(i, bytesAt(buf, bufLen))
}

func hostHeaderFind(name unsafe.Pointer, nameLen uint32, from int32) int32 {
	return current.HeaderFind(stringAt(name, nameLen), from)
}

func hostHeaderGet(name unsafe.Pointer, nameLen uint32, nth int32, buf unsafe.Pointer, bufLen uint32) int32 {
	return current.HeaderGet(stringAt(name, nameLen), nth, bytesAt(buf, bufLen))
}

func hostHeaderInsert(i int32, name unsafe.Pointer, nameLen uint32, value unsafe.Pointer, valueLen uint32) int32 {
	return current.HeaderInsert(i, stringAt(name, nameLen), stringAt(value, valueLen))
}

func hostHeaderReplace(i int32, value unsafe.Pointer, valueLen uint32) int32 {
	return current.HeaderReplace(i, stringAt(value, valueLen))
}

func hostHeaderDelete(i int32) int32 {
	return current.HeaderDelete(i)
}

func hostHeaderSet(name unsafe.Pointer, nameLen uint32, value unsafe.Pointer, valueLen uint32) int32 {
	return current.HeaderSet(stringAt(name, nameLen), stringAt(value, valueLen))
}

func hostHeaderRemove(name unsafe.Pointer, nameLen uint32) int32 {
	return current.HeaderRemove(stringAt(name, nameLen))
}

func hostHeaderTemplate(name unsafe.Pointer, nameLen uint32, value unsafe.Pointer, valueLen uint32) int32 {
	return current.HeaderTemplate(stringAt(name, nameLen), stringAt(value, valueLen))
}

func hostBodySize() int64 {
	return current.BodySize()
}

func hostBodyRead(off int64, buf unsafe.Pointer, bufLen uint32) int32 {
	return current.BodyRead(off, bytesAt(buf, bufLen))
}

func hostBodyBegin() int32 {
	return current.BodyBegin()
}

func hostBodyWrite(data unsafe.Pointer, dataLen uint32) int32 {
	return current.BodyWrite(bytesAt(data, dataLen))
}

func hostPartCount() int32 {
	return current.PartCount()
}

func hostPartGet(part int32, key unsafe.Pointer, keyLen uint32, buf unsafe.Pointer, bufLen uint32) int32 {
	return current.PartGet(part, stringAt(key, keyLen), bytesAt(buf, bufLen))
}

func hostPartRead(part int32, off int64, buf unsafe.Pointer, bufLen uint32) int32 {
	return current.PartRead(part, off, bytesAt(buf, bufLen))
}

func hostPartReplace(part int32, text unsafe.Pointer, textLen uint32) int32 {
	return current.PartReplace(part, stringAt(text, textLen))
}

func hostVerdict(action, code int32, enhanced unsafe.Pointer, enhancedLen uint32, text unsafe.Pointer, textLen uint32) int32 {
	return current.Verdict(action, code, stringAt(enhanced, enhancedLen), stringAt(text, textLen))
}

func hostRcptVerdict(i, action, code int32, enhanced unsafe.Pointer, enhancedLen uint32, text unsafe.Pointer, textLen uint32) int32 {
	return current.RcptVerdict(i, action, code, stringAt(enhanced, enhancedLen), stringAt(text, textLen))
}

func hostKVGet(key unsafe.Pointer, keyLen uint32, buf unsafe.Pointer, bufLen uint32) int32 {
	return current.KVGet(stringAt(key, keyLen), bytesAt(buf, bufLen))
}

func hostKVSet(key unsafe.Pointer, keyLen uint32, value unsafe.Pointer, valueLen uint32, ttl int32) int32 {
	return current.KVSet(stringAt(key, keyLen), bytesAt(value, valueLen), ttl)
}

func hostKVIncr(key unsafe.Pointer, keyLen uint32, delta int64, ttl int32) int64 {
	return current.KVIncr(stringAt(key, keyLen), delta, ttl)
}

func hostKVDelete(key unsafe.Pointer, keyLen uint32) int32 {
	return current.KVDelete(stringAt(key, keyLen))
}

func hostDNS(kind int32, name unsafe.Pointer, nameLen uint32, buf unsafe.Pointer, bufLen uint32) int32 {
	return current.DNS(kind, stringAt(name, nameLen), bytesAt(buf, bufLen))
}

func hostMetric(name unsafe.Pointer, nameLen uint32, delta int64) {
	current.Metric(stringAt(name, nameLen), delta)
}

func hostInvCount(table unsafe.Pointer, tableLen uint32) int32 {
	return current.InvCount(stringAt(table, tableLen))
}

func hostInvGet(table unsafe.Pointer, tableLen uint32, row int32, column unsafe.Pointer, columnLen uint32, buf unsafe.Pointer, bufLen uint32) int32 {
	return current.InvGet(stringAt(table, tableLen), row, stringAt(column, columnLen), bytesAt(buf, bufLen))
}

func hostFileBegin(path unsafe.Pointer, pathLen uint32, mode int32) int32 {
	return current.FileBegin(stringAt(path, pathLen), mode)
}

func hostFileWrite(data unsafe.Pointer, dataLen uint32) int32 {
	return current.FileWrite(bytesAt(data, dataLen))
}

func hostFileEnd() int32 {
	return current.FileEnd()
}
