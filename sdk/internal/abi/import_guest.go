//go:build wasm || tinygo.wasm

package abi

import "unsafe"

//go:wasmimport mmgw get
//go:noescape
func hostGet(key unsafe.Pointer, keyLen uint32, buf unsafe.Pointer, bufLen uint32) int32

//go:wasmimport mmgw get_int
//go:noescape
func hostGetInt(key unsafe.Pointer, keyLen uint32) int64

//go:wasmimport mmgw set
//go:noescape
func hostSet(key unsafe.Pointer, keyLen uint32, value unsafe.Pointer, valueLen uint32) int32

//go:wasmimport mmgw log
//go:noescape
func hostLog(level int32, text unsafe.Pointer, textLen uint32)

//go:wasmimport mmgw log_enabled
//go:noescape
func hostLogEnabled(level int32) int32

//go:wasmimport mmgw error
//go:noescape
func hostError(text unsafe.Pointer, textLen uint32)

//go:wasmimport mmgw now_ms
//go:noescape
func hostNowMS() int64

//go:wasmimport mmgw random
//go:noescape
func hostRandom(buf unsafe.Pointer, bufLen uint32) int32

//go:wasmimport mmgw rcpt_count
//go:noescape
func hostRcptCount() int32

//go:wasmimport mmgw rcpt_get
//go:noescape
func hostRcptGet(i int32, buf unsafe.Pointer, bufLen uint32) int32

//go:wasmimport mmgw rcpt_add
//go:noescape
func hostRcptAdd(address unsafe.Pointer, addressLen uint32) int32

//go:wasmimport mmgw rcpt_remove
//go:noescape
func hostRcptRemove(i int32) int32

//go:wasmimport mmgw rcpt_set
//go:noescape
func hostRcptSet(i int32, key unsafe.Pointer, keyLen uint32, value unsafe.Pointer, valueLen uint32) int32

//go:wasmimport mmgw header_count
//go:noescape
func hostHeaderCount() int32

//go:wasmimport mmgw header_name
//go:noescape
func hostHeaderName(i int32, buf unsafe.Pointer, bufLen uint32) int32

//go:wasmimport mmgw header_value
//go:noescape
func hostHeaderValue(i int32, buf unsafe.Pointer, bufLen uint32) int32

//go:wasmimport mmgw header_raw
//go:noescape
func hostHeaderRaw(i int32, buf unsafe.Pointer, bufLen uint32) int32

//go:wasmimport mmgw header_find
//go:noescape
func hostHeaderFind(name unsafe.Pointer, nameLen uint32, from int32) int32

//go:wasmimport mmgw header_get
//go:noescape
func hostHeaderGet(name unsafe.Pointer, nameLen uint32, nth int32, buf unsafe.Pointer, bufLen uint32) int32

//go:wasmimport mmgw header_insert
//go:noescape
func hostHeaderInsert(i int32, name unsafe.Pointer, nameLen uint32, value unsafe.Pointer, valueLen uint32) int32

//go:wasmimport mmgw header_replace
//go:noescape
func hostHeaderReplace(i int32, value unsafe.Pointer, valueLen uint32) int32

//go:wasmimport mmgw header_delete
//go:noescape
func hostHeaderDelete(i int32) int32

//go:wasmimport mmgw header_set
//go:noescape
func hostHeaderSet(name unsafe.Pointer, nameLen uint32, value unsafe.Pointer, valueLen uint32) int32

//go:wasmimport mmgw header_remove
//go:noescape
func hostHeaderRemove(name unsafe.Pointer, nameLen uint32) int32

//go:wasmimport mmgw header_template
//go:noescape
func hostHeaderTemplate(name unsafe.Pointer, nameLen uint32, value unsafe.Pointer, valueLen uint32) int32

//go:wasmimport mmgw body_size
//go:noescape
func hostBodySize() int64

//go:wasmimport mmgw body_read
//go:noescape
func hostBodyRead(off int64, buf unsafe.Pointer, bufLen uint32) int32

//go:wasmimport mmgw body_begin
//go:noescape
func hostBodyBegin() int32

//go:wasmimport mmgw body_write
//go:noescape
func hostBodyWrite(data unsafe.Pointer, dataLen uint32) int32

//go:wasmimport mmgw part_count
//go:noescape
func hostPartCount() int32

//go:wasmimport mmgw part_get
//go:noescape
func hostPartGet(part int32, key unsafe.Pointer, keyLen uint32, buf unsafe.Pointer, bufLen uint32) int32

//go:wasmimport mmgw part_read
//go:noescape
func hostPartRead(part int32, off int64, buf unsafe.Pointer, bufLen uint32) int32

//go:wasmimport mmgw part_replace
//go:noescape
func hostPartReplace(part int32, text unsafe.Pointer, textLen uint32) int32

//go:wasmimport mmgw verdict
//go:noescape
func hostVerdict(action, code int32, enhanced unsafe.Pointer, enhancedLen uint32, text unsafe.Pointer, textLen uint32) int32

//go:wasmimport mmgw rcpt_verdict
//go:noescape
func hostRcptVerdict(i, action, code int32, enhanced unsafe.Pointer, enhancedLen uint32, text unsafe.Pointer, textLen uint32) int32

//go:wasmimport mmgw kv_get
//go:noescape
func hostKVGet(key unsafe.Pointer, keyLen uint32, buf unsafe.Pointer, bufLen uint32) int32

//go:wasmimport mmgw kv_set
//go:noescape
func hostKVSet(key unsafe.Pointer, keyLen uint32, value unsafe.Pointer, valueLen uint32, ttl int32) int32

//go:wasmimport mmgw kv_incr
//go:noescape
func hostKVIncr(key unsafe.Pointer, keyLen uint32, delta int64, ttl int32) int64

//go:wasmimport mmgw kv_delete
//go:noescape
func hostKVDelete(key unsafe.Pointer, keyLen uint32) int32

//go:wasmimport mmgw dns
//go:noescape
func hostDNS(kind int32, name unsafe.Pointer, nameLen uint32, buf unsafe.Pointer, bufLen uint32) int32

//go:wasmimport mmgw metric
//go:noescape
func hostMetric(name unsafe.Pointer, nameLen uint32, delta int64)

//go:wasmimport mmgw inv_count
//go:noescape
func hostInvCount(table unsafe.Pointer, tableLen uint32) int32

//go:wasmimport mmgw inv_get
//go:noescape
func hostInvGet(table unsafe.Pointer, tableLen uint32, row int32, column unsafe.Pointer, columnLen uint32, buf unsafe.Pointer, bufLen uint32) int32

//go:wasmimport mmgw file_begin
//go:noescape
func hostFileBegin(path unsafe.Pointer, pathLen uint32, mode int32) int32

//go:wasmimport mmgw file_write
//go:noescape
func hostFileWrite(data unsafe.Pointer, dataLen uint32) int32

//go:wasmimport mmgw file_end
//go:noescape
func hostFileEnd() int32
