package sandbox

import (
	"errors"
	"time"

	"github.com/mmgw/mmgw/gateway/kv"
	"github.com/mmgw/mmgw/sdk/wire"
)

// KV keeps values for handlers, apart for each handler name. Changes take effect
// at once, whatever becomes of the call. Its errors are those of package kv; any
// other means that it may work later. It is safe for concurrent use. *kv.Values is
// one.
type KV interface {
	Get(handler, key string) ([]byte, error)
	Set(handler, key string, value []byte, ttl time.Duration) error
	Add(handler, key string, delta int64, ttl time.Duration) (int64, error)
	Delete(handler, key string) error
}

// kvResult is the result of the ABI for an error of a KV.
func kvResult(err error) int64 {
	switch {
	case err == nil:
		return 0
	case errors.Is(err, kv.ErrNotFound):
		return wire.NotFound
	case errors.Is(err, kv.ErrNoCounter):
		return wire.BadArgument
	case errors.Is(err, kv.ErrQuota):
		return wire.Limit
	}
	return wire.Temporary
}

// kvDone is kvResult after a check of the time limit: a change may have waited
// for the disk.
func (c *call) kvDone(err error) int64 {
	c.checkTime()
	return kvResult(err)
}

// keeper is the handler name under which the call finds its values. Rehearsals
// have their own, which no plugin can have: its name would have no space.
func (c *call) keeper() string {
	if c.exchange.Rehearsal {
		return c.plugin.spec.Name + " rehearsed"
	}
	return c.plugin.spec.Name
}

// kvKey reads and checks a key, and charges for the work of the database.
func (c *call) kvKey(ptr, size uint64) (string, int64) {
	c.spend(unitsPerKV)
	switch {
	case uint32(size) == 0:
		return "", wire.BadArgument
	case uint32(size) > wire.KVKeyBytesMax:
		return "", wire.Limit
	case c.plugin.kv == nil:
		return "", wire.Temporary
	}
	return c.text(ptr, size), 0
}

// kvTTL reads a time to live in seconds; 0 means forever.
func kvTTL(seconds uint64) (time.Duration, int64) {
	n := int32(seconds)
	switch {
	case n < 0:
		return 0, wire.BadArgument
	case n > wire.KVSecondsMax:
		return 0, wire.Limit
	}
	return time.Duration(n) * time.Second, 0
}

// kv_get(key, klen, buf, cap) -> length
func (c *call) kvGet(a []uint64) int64 {
	key, refused := c.kvKey(a[0], a[1])
	if refused < 0 {
		return refused
	}
	value, err := c.plugin.kv.Get(c.keeper(), key)
	if err != nil {
		return c.kvDone(err)
	}
	return c.reply(string(value), a[2], a[3])
}

// kv_set(key, klen, val, vlen, ttl_s) -> 0
func (c *call) kvSet(a []uint64) int64 {
	key, refused := c.kvKey(a[0], a[1])
	if refused < 0 {
		return refused
	}
	ttl, refused := kvTTL(a[4])
	switch {
	case refused < 0:
		return refused
	case uint32(a[3]) > wire.KVValueBytesMax:
		return wire.Limit
	}
	return c.kvDone(c.plugin.kv.Set(c.keeper(), key, []byte(c.text(a[2], a[3])), ttl))
}

// kv_incr(key, klen, delta, ttl_s) -> the counter
func (c *call) kvIncr(a []uint64) int64 {
	key, refused := c.kvKey(a[0], a[1])
	if refused < 0 {
		return refused
	}
	ttl, refused := kvTTL(a[3])
	if refused < 0 {
		return refused
	}
	count, err := c.plugin.kv.Add(c.keeper(), key, int64(a[2]), ttl)
	if err != nil {
		return c.kvDone(err)
	}
	return count
}

// kv_delete(key, klen) -> 0
func (c *call) kvDelete(a []uint64) int64 {
	key, refused := c.kvKey(a[0], a[1])
	if refused < 0 {
		return refused
	}
	return c.kvDone(c.plugin.kv.Delete(c.keeper(), key))
}
