package sdktest

import (
	"crypto/rand"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/mmgw/mmgw/sdk/wire"
)

// put is how every function returns a text: it copies it if it fits, and returns its length.
func put(buf []byte, text string) int32 {
	if len(text) <= len(buf) {
		copy(buf, text)
	}
	return int32(len(text))
}

func (c *call) Get(key string, buf []byte) int32 {
	value, ok := c.lookup(key)
	if !ok {
		return wire.NotFound
	}
	return put(buf, value)
}

func (c *call) GetInt(key string) int64 {
	value, _ := c.lookup(key)
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil {
		return math.MinInt64
	}
	return n
}

func (c *call) lookup(key string) (string, bool) {
	if value, ok := c.host.Keys[key]; ok {
		return value, true
	}
	path, ok := strings.CutPrefix(key, "config.")
	if !ok {
		return "", false
	}
	return lookupConfig(c.host.Config, path)
}

func lookupConfig(table map[string]any, path string) (string, bool) {
	switch value := table[path].(type) {
	case string:
		return value, true
	case bool:
		return strconv.FormatBool(value), true
	case int:
		return strconv.Itoa(value), true
	}
	dot := strings.LastIndexByte(path, '.')
	if dot < 0 {
		return "", false
	}
	list, ok := table[path[:dot]].([]string)
	if ok && path[dot+1:] == "#" {
		return strconv.Itoa(len(list)), true
	}
	i, err := strconv.Atoi(path[dot+1:])
	if err != nil || i < 0 || i >= len(list) {
		return "", false
	}
	return list[i], true
}

var planKeys = []string{"chunk.max_rcpts", "chunk.by", "verp", "mail_from", "route", "priority", "not_before_ms", "expire_ms"}

func (c *call) Set(key, value string) int32 {
	switch {
	case !slices.Contains(planKeys, key):
		return wire.BadArgument
	case c.phase == phasePlan, c.phase == phaseIncoming && key == "route":
		c.set[key] = value
		return 0
	}
	return wire.WrongPhase
}

var levels = []string{"debug", "info", "warn", "error"}

func (c *call) Log(level int32, text string) {
	c.log = append(c.log, levels[min(max(level, 0), wire.Error)]+": "+text)
}

func (c *call) LogEnabled(int32) int32 { return 1 }

// Error does nothing, since the caller gets the handler's error.
func (c *call) Error(string) {}

func (c *call) NowMS() int64 {
	if c.phase == phaseWriter {
		return wire.NotPermitted
	}
	return c.host.NowMS
}

func (c *call) Random(buf []byte) int32 {
	if c.phase == phaseWriter {
		return wire.NotPermitted
	}
	rand.Read(buf)
	return 0
}
