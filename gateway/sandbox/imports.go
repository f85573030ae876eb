package sandbox

import "github.com/mmgw/mmgw/sdk/wire"

// wasiModule is the import module of WASI preview 1.
const wasiModule = "wasi_snapshot_preview1"

// hostModules are the modules that can be imported from.
var hostModules = map[string][]function{wire.Module: coreFunctions[:], wasiModule: wasiFunctions[:]}

// coreFunctions are the host functions of ABI 1.
var coreFunctions = [...]function{
	{"get", "iiii", "i", "", hookAny, (*call).get},
	{"get_int", "ii", "I", "", hookAny, (*call).getInt},
	{"set", "iiii", "i", "", hookIncoming | hookPlan, (*call).set},
	{"log", "iii", "", "", hookAny, (*call).logText},
	{"log_enabled", "i", "i", "", hookAny, (*call).logEnabled},
	{"error", "ii", "", "", hookAny, (*call).setError},
	{"now_ms", "", "I", "", hookAny, (*call).nowMS},
	{"random", "ii", "i", "", hookAny, (*call).random},

	{"rcpt_count", "", "i", "", hookHandlers, (*call).rcptCount},
	{"rcpt_get", "iii", "i", "", hookHandlers, (*call).rcptGet},
	{"rcpt_add", "ii", "i", wire.CapRecipients, hookIncoming, (*call).rcptAdd},
	{"rcpt_remove", "i", "i", wire.CapRecipients, hookIncoming | hookPlan, (*call).rcptRemove},
	{"rcpt_set", "iiiii", "i", "", hookIncoming | hookPlan, (*call).rcptSet},

	{"header_count", "", "i", "", hookEdits, (*call).headerCount},
	{"header_name", "iii", "i", "", hookEdits, (*call).headerName},
	{"header_value", "iii", "i", "", hookEdits, (*call).headerValue},
	{"header_raw", "iii", "i", "", hookEdits, (*call).headerRaw},
	{"header_find", "iii", "i", "", hookEdits, (*call).headerFind},
	{"header_get", "iiiii", "i", "", hookEdits, (*call).headerGet},
	{"header_insert", "iiiii", "i", wire.CapHeaders, hookEdits, (*call).headerInsert},
	{"header_replace", "iii", "i", wire.CapHeaders, hookEdits, (*call).headerReplace},
	{"header_delete", "i", "i", wire.CapHeaders, hookEdits, (*call).headerDelete},
	{"header_set", "iiii", "i", wire.CapHeaders, hookEdits, (*call).headerSet},
	{"header_remove", "ii", "i", wire.CapHeaders, hookEdits, (*call).headerRemove},
	{"header_template", "iiii", "i", wire.CapHeaders, hookOutgoing | hookPlan, (*call).headerTemplate},

	{"body_size", "", "I", "", hookEdits, (*call).bodySize},
	{"body_read", "Iii", "i", "", hookEdits, (*call).bodyRead},
	{"body_begin", "", "i", wire.CapBody, hookIncoming | hookOutgoing, (*call).bodyBegin},
	{"body_write", "ii", "i", wire.CapBody, hookIncoming | hookOutgoing, (*call).bodyWrite},

	{"verdict", "iiiiii", "i", "", hookRecipient | hookIncoming, (*call).verdict},
	{"rcpt_verdict", "iiiiiii", "i", "", hookRecipient | hookIncoming, (*call).rcptVerdict},

	{"inv_count", "ii", "i", "", hookWriter, (*call).invCount},
	{"inv_get", "iiiiiii", "i", "", hookWriter, (*call).invGet},
	{"file_begin", "iii", "i", "", hookWriter, (*call).fileBegin},
	{"file_write", "ii", "i", "", hookWriter, (*call).fileWrite},
	{"file_end", "", "i", "", hookWriter, (*call).fileEnd},

	{"part_count", "", "i", "", hookEdits, (*call).partCount},
	{"part_get", "iiiii", "i", "", hookEdits, (*call).partGet},
	{"part_read", "iIii", "i", "", hookEdits, (*call).partRead},
	{"part_replace", "iii", "i", wire.CapBody, hookIncoming | hookOutgoing, (*call).partReplace},
	{"kv_get", "iiii", "i", wire.CapKV, hookHandlers, (*call).kvGet},
	{"kv_set", "iiiii", "i", wire.CapKV, hookHandlers, (*call).kvSet},
	{"kv_incr", "iiIi", "I", wire.CapKV, hookHandlers, (*call).kvIncr},
	{"kv_delete", "ii", "i", wire.CapKV, hookHandlers, (*call).kvDelete},
	{"dns", "iiiii", "i", wire.CapDNS, hookHandlers, (*call).dns},
	{"metric", "iiI", "", wire.CapMetric, hookHandlers, (*call).metric},
}

// capabilities are all that a configuration can grant.
var capabilities = [...]string{
	wire.CapHeaders, wire.CapBody, wire.CapRecipients, wire.CapRelay,
	wire.CapMembers, wire.CapKV, wire.CapDNS, wire.CapMetric,
}

// Functions are the names of all functions of ABI 1 that modules can import.
func Functions() []string {
	var names []string
	for i := range coreFunctions {
		names = append(names, coreFunctions[i].name)
	}
	return names
}

// find returns the host function of that name, or nil.
func find(module, name string) *function {
	table := hostModules[module]
	for i := range table {
		if table[i].name == name {
			return &table[i]
		}
	}
	return nil
}
