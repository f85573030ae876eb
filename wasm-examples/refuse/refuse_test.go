package main

import (
	"io"
	"strings"
	"testing"

	"github.com/mmgw/mmgw/sdk/sdktest"
)

func TestRefuse(t *testing.T) {
	config := map[string]any{"words": []string{"Lottery", "cheap watches"}}
	for _, test := range []struct {
		name, mail, service string
		config              map[string]any
		want                string
	}{
		{"an honest post", "Subject: hello\n\ntext\n", "post", config, ""},
		{"subject", "Subject: LOTTERY!\n\ntext\n", "post", config, "lottery"},
		{"encoded subject", "Subject: =?UTF-8?Q?L=6Fttery?=\n\ntext\n", "post", config, "lottery"},
		{"body", "Subject: x\n\nbuy Cheap Watches\n", "post", config, "cheap watches"},
		{"owner mail", "Subject: lottery\n\n", "owner", config, ""},
		{"no words", "Subject: lottery\n\n", "post", nil, ""},
		{"an empty word", "Subject: x\n\n", "post", map[string]any{"words": []string{""}}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := sdktest.Host{Mail: test.mail, Config: test.config, Keys: map[string]string{"rcpt.0.service": test.service}}
			if err := h.Incoming(refuse); err != nil {
				t.Fatal(err)
			}
			v := h.Verdict
			switch {
			case test.want == "" && v != sdktest.Verdict{}:
				t.Errorf("verdict %+v, want none", v)
			case test.want != "" && (v.Action != "reject" || v.Code != 550 || v.Enhanced != "5.7.1" || !strings.Contains(v.Text, test.want)):
				t.Errorf("verdict %+v, want a reject that names %q", v, test.want)
			}
		})
	}
}

// TestWindows puts a word over every cut that there can be.
func TestWindows(t *testing.T) {
	const word = "lottery"
	for at := windowBytes - len(word); at <= windowBytes+2*len(word); at++ {
		body := strings.Repeat("x", at) + word + "x"
		read := func(p []byte, off int64) (int, error) { return copy(p, body[off:]), nil }
		if got, err := findInBody(read, []string{word}); got != word || err != nil {
			t.Fatalf("a word at octet %d: %q, %v", at, got, err)
		}
	}
	failing := func([]byte, int64) (int, error) { return 0, io.ErrNoProgress }
	if _, err := findInBody(failing, []string{word}); err != io.ErrNoProgress {
		t.Errorf("a failing body gives %v", err)
	}
}
