package sdk

import "github.com/mmgw/mmgw/sdk/internal/abi"

// KVGet, KVSet, KVAdd and KVDelete keep values from one call to the next; all instances of
// the module share them. They need the capability kv. Changes take effect at once and
// stay, even if the call fails. Since an MTA sends a deferred message again, they may
// happen twice. A time to live is in seconds, at most wire.KVSecondsMax; 0 means forever.
// Keys have up to wire.KVKeyBytesMax octets, values up to wire.KVValueBytesMax.

// KVGet returns the value of a key. ErrNotFound says that there is none.
func KVGet(key string) (string, error) {
	return answer(func(buf []byte) int32 { return abi.KVGet(key, buf) })
}

// KVSet keeps a value. ErrLimit says that the quota of the module is used up.
func KVSet(key, value string, ttl int) error {
	return check(abi.KVSet(key, []byte(value), seconds(ttl)))
}

// KVAdd changes a counter by delta, atomically, and returns the new count, which is never
// below 0. A key without a value is a counter of 0, which lives for ttl from the call that
// begins it; later calls do not prolong that. A delta of 0 reads a counter. For a value
// that is not a number the error is ErrBadArgument.
func KVAdd(key string, delta int64, ttl int) (int64, error) {
	n := abi.KVIncr(key, delta, seconds(ttl))
	if n < 0 {
		return 0, Refusal(n)
	}
	return n, nil
}

// KVDelete deletes a value. ErrNotFound says that there was none.
func KVDelete(key string) error { return check(abi.KVDelete(key)) }

// seconds is a time to live for the ABI. One that does not fit becomes the largest or
// smallest number, which mmgw refuses.
func seconds(ttl int) int32 { return int32(max(min(ttl, 1<<31-1), -1)) }

// answer calls a reader whose text may have changed when it is called again.
func answer(read func(buf []byte) int32) (string, error) {
	buf := scratch[:]
	for {
		n := read(buf)
		switch {
		case n < 0:
			return "", Refusal(n)
		case int(n) <= len(buf):
			return string(buf[:n]), nil
		}
		buf = make([]byte, n)
	}
}
