package kv

import (
	"encoding/binary"
	"math"
	"strconv"
	"time"

	"github.com/mmgw/mmgw/gateway/store"
)

// recordVersion is that of the records of this package.
const recordVersion = 1

// entry is one value as it is stored.
type entry struct {
	exists  bool // in the store, expired or not
	value   []byte
	expires int64 // second since 1970, 0 for never
}

// lives says whether the value is to be seen.
func (e entry) lives(now time.Time) bool {
	return e.exists && (e.expires == 0 || now.Unix() < e.expires)
}

func (e entry) record() []byte {
	w := store.NewWriter(recordVersion)
	w.Int(e.expires)
	w.Bytes(e.value)
	return w.Record()
}

// decode reads a record. One that rotted reads as a value that has expired, so
// that it is not seen and goes like one.
func decode(record []byte) entry {
	r := store.NewReader(record, recordVersion)
	e := entry{exists: true, expires: r.Int(), value: r.Bytes()}
	if r.End() != nil {
		return entry{exists: true, expires: 1}
	}
	return e
}

// prefix is what all keys of a handler in a space begin with. The length in
// front keeps one handler's name from being the beginning of another's.
func prefix(space store.Space, handler string) []byte {
	return space.Key(binary.AppendUvarint(nil, uint64(len(handler))), []byte(handler))
}

// secondBytes is the length of a second in a key of KVExpiries.
const secondBytes = 8

// expiryKey is the key by which a value is found when it has expired.
func expiryKey(prefix []byte, expires int64, key string) []byte {
	k := append(make([]byte, 0, len(prefix)+secondBytes+len(key)), prefix...)
	return append(binary.BigEndian.AppendUint64(k, uint64(expires)), key...)
}

// splitExpiry takes such a key apart, without its prefix.
func splitExpiry(k []byte) (second int64, key string, ok bool) {
	if len(k) < secondBytes {
		return 0, "", false
	}
	return int64(binary.BigEndian.Uint64(k)), string(k[secondBytes:]), true
}

// size is what an entry takes of the quota.
func (e entry) size(key string) int64 {
	if !e.exists {
		return 0
	}
	return int64(len(key)+len(e.value)) + entryBytes
}

// parseCounter reads a value that Add wrote, or that looks like one.
func parseCounter(value []byte) (int64, error) {
	n, err := strconv.ParseInt(string(value), 10, 64)
	if err != nil || n < 0 {
		return 0, ErrNoCounter
	}
	return n, nil
}

func formatCounter(n int64) []byte { return strconv.AppendInt(nil, n, 10) }

// sum adds to a counter, between its ends.
func sum(count, delta int64) int64 {
	if delta > math.MaxInt64-count {
		return math.MaxInt64
	}
	return max(count+delta, 0)
}
