package conformance

import (
	"math"

	"github.com/mmgw/mmgw/sdk/wire"
)

// refusals are, of every host function, what it may answer in its phase to
// honest arguments instead of doing what it is asked (sdk/ABI.md). A function
// that has none cannot fail so.
var refusals = map[string][]int64{
	"get":         {wire.NotFound},
	"get_int":     {math.MinInt64},
	"set":         {wire.BadArgument, wire.NotPermitted},
	"log":         nil,
	"log_enabled": {0, 1},
	"error":       nil,
	"now_ms":      nil,
	"random":      {wire.Limit},

	"rcpt_count":  {0},
	"rcpt_get":    {wire.NotFound, wire.NotPermitted},
	"rcpt_add":    {wire.BadArgument, wire.NotPermitted, wire.Limit},
	"rcpt_remove": {wire.BadArgument, wire.NotPermitted},
	"rcpt_set":    {wire.BadArgument, wire.NotPermitted},

	"header_count":    {0},
	"header_name":     {wire.NotFound},
	"header_value":    {wire.NotFound},
	"header_raw":      {wire.NotFound},
	"header_find":     {wire.NotFound},
	"header_get":      {wire.NotFound},
	"header_insert":   {wire.BadArgument, wire.NotPermitted, wire.Limit},
	"header_replace":  {wire.BadArgument, wire.NotPermitted, wire.Limit},
	"header_delete":   {wire.BadArgument, wire.NotPermitted, wire.Limit},
	"header_set":      {wire.BadArgument, wire.NotPermitted, wire.Limit},
	"header_remove":   {0, wire.NotPermitted, wire.Limit},
	"header_template": {wire.BadArgument, wire.NotPermitted, wire.Limit},

	"body_size":  {0},
	"body_read":  {0, wire.BadArgument},
	"body_begin": {wire.NotPermitted},
	"body_write": {wire.NotPermitted, wire.Limit},

	"part_count":   {0, wire.Limit},
	"part_get":     {wire.NotFound, wire.Limit},
	"part_read":    {0, wire.NotFound, wire.Limit},
	"part_replace": {wire.BadArgument, wire.NotPermitted, wire.Limit},

	"verdict":      {wire.BadArgument},
	"rcpt_verdict": {wire.BadArgument},

	"kv_get":    {wire.NotFound, wire.NotPermitted, wire.Limit, wire.Temporary},
	"kv_set":    {wire.NotPermitted, wire.Limit, wire.Temporary},
	"kv_incr":   {wire.BadArgument, wire.NotPermitted, wire.Limit, wire.Temporary},
	"kv_delete": {wire.NotFound, wire.NotPermitted, wire.Temporary},
	"dns":       {wire.NotFound, wire.BadArgument, wire.NotPermitted, wire.Limit, wire.Temporary},
	"metric":    nil,

	"inv_count":  {0},
	"inv_get":    {wire.NotFound},
	"file_begin": {wire.BadArgument, wire.Limit},
	"file_write": {wire.Limit},
	"file_end":   {wire.BadArgument},
}
