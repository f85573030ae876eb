package sandbox

import (
	"crypto/rand"
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/sdk/wire"
)

// get(key, klen, buf, cap) -> length
func (c *call) get(a []uint64) int64 {
	text, ok := c.lookup(c.word(a[0], a[1]))
	return c.replyIf(text, ok, a[2], a[3])
}

// get_int(key, klen) -> number, or the least int64 if there is none
func (c *call) getInt(a []uint64) int64 {
	text, _ := c.lookup(c.word(a[0], a[1]))
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return math.MinInt64
	}
	return n
}

// lookup returns the value of a key: those about the module are answered here,
// those about the message by the exchange.
func (c *call) lookup(key string) (string, bool) {
	switch key {
	case "abi.minor":
		return strconv.Itoa(wire.Version & 0xffff), true
	case "host.version":
		return c.plugin.host.env.Version, true
	case "handler.name":
		return c.plugin.spec.Name, true
	case "config":
		c.plugin.asked.noteAll()
		return c.plugin.config, true
	case "inventory":
		return c.inventoryJSON()
	}
	group, path, _ := strings.Cut(key, ".")
	switch {
	case group == "config":
		c.plugin.asked.note(path)
		return gateway.LookupConfig(c.plugin.spec.Config, path)
	case c.exchange == nil:
		return "", false
	case group == "rcpt":
		return c.lookupRecipient(path)
	case group == "auth":
		defer c.checkTime() // it may have waited for DNS
	}
	return c.exchange.Lookup(key)
}

// lookupRecipient answers rcpt.I.field, where I is an index as rcpt_get takes it.
func (c *call) lookupRecipient(path string) (string, bool) {
	number, field, _ := strings.Cut(path, ".")
	i, err := strconv.Atoi(number)
	if err != nil || field == "original" && !c.seesMembers() {
		return "", false
	}
	source, ok := c.source(i)
	if !ok || source < 0 {
		return "", false
	}
	return c.exchange.Lookup("rcpt." + strconv.Itoa(source) + "." + field)
}

// inventoryJSON encodes the inventory once per call: modules ask for its length
// before they read it.
func (c *call) inventoryJSON() (string, bool) {
	if c.hook != hookWriter {
		return "", false
	}
	if c.writer.json == "" {
		b, err := json.Marshal(c.writer.inventory)
		if err != nil {
			return "", false
		}
		c.writer.json = string(b)
		c.spend(int64(len(b)))
	}
	return c.writer.json, true
}

// setting is one key of the function set.
type setting struct {
	key        string
	hooks      hook
	capability string
	apply      func(c *call, value string) bool // false: the value is not a valid one
}

// settings are the keys of the function set.
var settings = [...]setting{
	{"route", hookIncoming | hookPlan, "", (*call).setRoute},
	{"chunk.max_rcpts", hookPlan, "", (*call).setRecipientsMax},
	{"chunk.by", hookPlan, "", (*call).setChunkBy},
	{"verp", hookPlan, "", (*call).setVERP},
	{"mail_from", hookPlan, wire.CapRecipients, (*call).setReversePath},
	{"priority", hookPlan, "", (*call).setPriority},
	{"not_before_ms", hookPlan, "", (*call).setNotBefore},
	{"expire_ms", hookPlan, "", (*call).setExpires},
}

// set(key, klen, val, vlen) -> 0
func (c *call) set(a []uint64) int64 {
	key, value := c.text(a[0], a[1]), c.text(a[2], a[3])
	for i := range settings {
		s := &settings[i]
		switch {
		case s.key != key:
			continue
		case s.hooks&c.hook == 0:
			return wire.WrongPhase
		case s.capability != "" && !c.plugin.grants(s.capability):
			return wire.NotPermitted
		case !s.apply(c, value):
			return wire.BadArgument
		}
		return 0
	}
	return wire.BadArgument
}

// pure says whether the call must give the same result every time: that of a
// writer, and those that set a writer up.
func (c *call) pure() bool {
	return c.hook == hookWriter || c.hook == hookInit && c.plugin.serves(hookWriter)
}

// now_ms() -> milliseconds since 1970
func (c *call) nowMS([]uint64) int64 {
	if c.pure() {
		return wire.NotPermitted
	}
	return time.Now().UnixMilli()
}

// random(buf, len) -> 0
func (c *call) random(a []uint64) int64 {
	switch {
	case c.pure():
		return wire.NotPermitted
	case uint32(a[1]) > RandomBytesMax:
		return wire.Limit
	}
	b := c.view(a[0], a[1])
	c.spend(unitsPerRandom * int64(len(b)))
	rand.Read(b)
	return 0
}
