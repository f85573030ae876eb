package sdk

import (
	"math"
	"strconv"

	"github.com/mmgw/mmgw/sdk/internal/abi"
	"github.com/mmgw/mmgw/sdk/wire"
)

// scratch has room for what most reads return; longer texts are read a second time.
var scratch [512]byte

// text calls a reader of the ABI and returns what it read.
func text(read func(buf []byte) int32) (string, bool) {
	n := read(scratch[:])
	if n < 0 {
		return "", false
	}
	if int(n) <= len(scratch) {
		return string(scratch[:n]), true
	}
	buf := make([]byte, n)
	if m := read(buf); m < n {
		return "", false
	}
	return string(buf), true
}

// Get returns the value of a key such as "list.address" (sdk/ABI.md, Keys), and whether
// there is one.
func Get(key string) (string, bool) {
	return text(func(buf []byte) int32 { return abi.Get(key, buf) })
}

// GetInt returns the value of a key as a number, and false if there is none or it is not a
// number.
func GetInt(key string) (int64, bool) {
	n := abi.GetInt(key)
	return n, n != math.MinInt64
}

// Set sets a key. Which keys there are depends on the kind of handler; Message.SetRoute
// and the methods of Plan set them by name.
func Set(key, value string) error { return check(abi.Set(key, value)) }

// Config returns a setting of the module, from its table in the configuration, by its
// dotted path, and whether it is set. A number or a boolean is returned as text.
func Config(path string) (string, bool) { return Get("config." + path) }

// ConfigInt returns a setting that is a number, or the value otherwise.
func ConfigInt(path string, otherwise int64) int64 {
	if n, ok := GetInt("config." + path); ok {
		return n
	}
	return otherwise
}

// ConfigBool returns a setting that is true or false, or the value otherwise.
func ConfigBool(path string, otherwise bool) bool {
	switch value, _ := Config(path); value {
	case "true":
		return true
	case "false":
		return false
	}
	return otherwise
}

// ConfigList returns the texts of a setting that is an array, or the only text of one that
// is not.
func ConfigList(path string) []string {
	n, ok := GetInt("config." + path + ".#")
	if !ok {
		if value, ok := Config(path); ok {
			return []string{value}
		}
		return nil
	}
	values := make([]string, 0, n)
	for i := range int(n) {
		value, _ := Config(path + "." + strconv.Itoa(i))
		values = append(values, value)
	}
	return values
}

// NowMS is the time in milliseconds since 1970. A configuration writer has no clock, and
// gets a negative number.
func NowMS() int64 { return abi.NowMS() }

// Random fills b with random octets from mmgw. The generators of Go itself start every call
// with the same seed, since mmgw restores the module's memory.
func Random(b []byte) error { return check(abi.Random(b)) }

// Level is the level of a log line.
type Level int32

// The levels of log lines.
const (
	Debug Level = wire.Debug
	Info  Level = wire.Info
	Warn  Level = wire.Warn
	Error Level = wire.Error
)

// Log writes a line to mmgw's log.
func Log(level Level, line string) { abi.Log(int32(level), line) }

// LogEnabled says whether lines of a level are logged: ask before making a costly one.
func LogEnabled(level Level) bool { return abi.LogEnabled(int32(level)) > 0 }

// Count adds delta to a counter of the module, which is in mmgw's metrics. It needs the
// capability metric. A name consists of letters, digits, "_", "-" and "."; delta must not
// be negative. It does nothing if mmgw cannot count.
func Count(name string, delta int64) { abi.Metric(name, delta) }
