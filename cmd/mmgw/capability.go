package main

import (
	"slices"
	"strings"

	"github.com/mmgw/mmgw/gateway/sandbox"
)

// abilities say in words what each capability lets a module do.
var abilities = [...][2]string{
	{"headers", "change header fields"},
	{"body", "replace the body"},
	{"recipients", "add, remove and redirect recipients"},
	{"relay", "send to addresses elsewhere"},
	{"members", "learn who the members of lists are"},
	{"kv", "keep data from one message to the next"},
	{"dns", "ask the DNS"},
	{"metric", "count things for the monitor"},
}

// canDo says in a few sentences what a module can do at most.
func canDo(info sandbox.Info) string {
	var can, granted, cannot []string
	for _, a := range abilities {
		switch {
		case slices.Contains(info.Capabilities, a[0]):
			can = append(can, a[1])
		case slices.Contains(info.Optional, a[0]):
			granted = append(granted, a[1]+" ("+a[0]+")")
		default:
			cannot = append(cannot, a[1])
		}
	}
	sentence := "It " + sees(info.Hooks)
	if len(can) > 0 {
		sentence += ". It can " + listing(can, "and")
	}
	if len(granted) > 0 {
		sentence += ". If that is granted, it can " + listing(granted, "and")
	}
	return sentence + ". It cannot " + listing(append(cannot, "open files or connections"), "or") + "."
}

// sees says what a module with these hooks gets to see.
func sees(hooks []string) string {
	writes := slices.Contains(hooks, "mta_config")
	handles := slices.ContainsFunc(hooks, func(h string) bool { return h != "mta_config" })
	switch {
	case writes && handles:
		return "sees messages and the names of all lists, and writes files for the MTA"
	case writes:
		return "sees the names of all lists and no message, and writes files for the MTA"
	case handles:
		return "sees the messages that it is called for, and their envelopes"
	}
	return "has no hook, so it is never called"
}

func listing(items []string, word string) string {
	last := len(items) - 1
	if last == 0 {
		return items[0]
	}
	return strings.Join(items[:last], ", ") + " " + word + " " + items[last]
}
