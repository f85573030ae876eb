package sdktest

import (
	"math"
	"strconv"
	"strings"

	"github.com/mmgw/mmgw/sdk/wire"
)

// mayKeep is 0 if the value of a key may be read or written, and otherwise the refusal.
func (c *call) mayKeep(key string, ttl int32) int32 {
	switch {
	case c.phase == phaseInit || c.phase == phaseWriter:
		return wire.WrongPhase
	case key == "" || ttl < 0:
		return wire.BadArgument
	case len(key) > wire.KVKeyBytesMax || ttl > wire.KVSecondsMax:
		return wire.Limit
	}
	return 0
}

func (c *call) keep(key, value string) {
	if c.host.KV == nil {
		c.host.KV = map[string]string{}
	}
	c.host.KV[key] = value
}

func (c *call) KVGet(key string, buf []byte) int32 {
	if refused := c.mayKeep(key, 0); refused < 0 {
		return refused
	}
	value, ok := c.host.KV[key]
	if !ok {
		return wire.NotFound
	}
	return put(buf, value)
}

func (c *call) KVSet(key string, value []byte, ttl int32) int32 {
	if refused := c.mayKeep(key, ttl); refused < 0 {
		return refused
	}
	if len(value) > wire.KVValueBytesMax {
		return wire.Limit
	}
	c.keep(key, string(value))
	return 0
}

func (c *call) KVIncr(key string, delta int64, ttl int32) int64 {
	if refused := c.mayKeep(key, ttl); refused < 0 {
		return int64(refused)
	}
	count := int64(0)
	if value, ok := c.host.KV[key]; ok {
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil || n < 0 {
			return wire.BadArgument
		}
		count = n
	}
	if delta > math.MaxInt64-count {
		delta = math.MaxInt64 - count
	}
	count = max(count+delta, 0)
	c.keep(key, strconv.FormatInt(count, 10))
	return count
}

func (c *call) KVDelete(key string) int32 {
	if refused := c.mayKeep(key, 0); refused < 0 {
		return refused
	}
	if _, ok := c.host.KV[key]; !ok {
		return wire.NotFound
	}
	delete(c.host.KV, key)
	return 0
}

// Metric counts, unless the name or the number is not valid.
func (c *call) Metric(name string, delta int64) {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-."
	if delta < 0 || name == "" || len(name) > wire.MetricNameBytesMax || strings.Trim(name, letters) != "" || c.phase == phaseInit || c.phase == phaseWriter {
		return
	}
	if c.host.Metrics == nil {
		c.host.Metrics = map[string]int64{}
	}
	c.host.Metrics[name] += delta
}
