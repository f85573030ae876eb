package sdk

import "github.com/mmgw/mmgw/sdk/internal/abi"

// KVGet, KVSet, KVAdd and KVDelete keep values from one call to the next, in a name space
// that all instances of the module share. They need the capability kv. What
// they do takes effect at once and stays, whatever becomes of the call; since
// an MTA sends a message again that was deferred, it may happen twice. A time
// to live is in seconds, at most wire.KVSecondsMax, and 0 for ever. Keys have
// up to wire.KVKeyBytesMax octets, values up to wire.KVValueBytesMax.

// KVGet returns the value of a key; ErrNotFound says that there is none.
func KVGet(key string) (string, error) {
	return answer(func(buf []byte) int32 { return abi.KVGet(key, buf) })
}

// KVSet keeps a value. ErrLimit says that the quota of the module is used up.
func KVSet(key, value string, ttl int) error {
	return check(abi.KVSet(key, []byte(value), seconds(ttl)))
}

// KVAdd changes a counter by delta, in one step with reading it, and returns
// what it is then: 0 at least. A key without a value is a counter of 0, which
// lives for ttl from the call that begins it; a later call does not lengthen
// that. delta 0 reads a counter. A value that is no number is ErrBadArgument.
func KVAdd(key string, delta int64, ttl int) (int64, error) {
	n := abi.KVIncr(key, delta, seconds(ttl))
	if n < 0 {
		return 0, Refusal(n)
	}
	return n, nil
}

// KVDelete forgets a value; ErrNotFound says that there was none.
func KVDelete(key string) error { return check(abi.KVDelete(key)) }

// seconds is a time to live as the ABI has it. What does not fit is refused by
// mmgw, as the largest that does.
func seconds(ttl int) int32 { return int32(max(min(ttl, 1<<31-1), -1)) }

// answer calls a reader whose text may be another one at the next call.
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
