package main

import (
	"regexp"
	"strings"
	"testing"

	"github.com/mmgw/mmgw/plugins/internal/writertest"
	"github.com/mmgw/mmgw/sdk/sdktest"
)

func TestFiles(t *testing.T) { writertest.Native(t, render) }

// TestPatterns reads the patterns as Postfix does and asks for addresses.
func TestPatterns(t *testing.T) {
	var b writertest.Builder
	b.Gateway("lmtp_target", "127.0.0.1:8024")
	b.Gateway("config.transport_file_type", "regexp")
	const name = "odd*^$.{x}!(y)?+[z]"
	b.List(name+"@lists.example.com", "")
	b.Forward("mm3.example.com", "lmtp:127.0.0.1:8025")
	c := writertest.Case{Inventory: b.Inventory()}
	h := sdktest.Host{Tables: c.Tables()}
	if err := h.MTAConfig(render); err != nil {
		t.Fatal(err)
	}
	var patterns []*regexp.Regexp
	for line := range strings.Lines(h.Files["postfix_lmtp"].Text) {
		if pattern, _, ok := strings.Cut(strings.TrimPrefix(line, "/"), "$/"); ok {
			patterns = append(patterns, regexp.MustCompile(pattern+"$"))
		}
	}
	for address, want := range map[string]bool{
		name + "@lists.example.com":                        true,
		name + "-bounces@lists.example.com":                true,
		name + "-bounces+anne=x.example@lists.example.com": true,
		name + "-confirm+0123@lists.example.com":           true,
		name + "-owner+0123@lists.example.com":             false,
		name + "@listsXexample.com":                        false,
		"oddd" + name[4:] + "@lists.example.com":           false,
		"anybody@mm3.example.com":                          true,
		"anybody@sub.mm3.example.com":                      false,
		"anybody@mm3-example.com":                          false,
	} {
		got := 0
		for _, p := range patterns {
			if p.MatchString(address) {
				got++
			}
		}
		if (got == 1) != want || got > 1 {
			t.Errorf("%s is matched by %d patterns", address, got)
		}
	}
}
