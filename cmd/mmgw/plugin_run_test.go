package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/mmgw/mmgw/gateway/admin"
)

// A module that is tried out sees the client that the command line names.
func TestTrialClient(t *testing.T) {
	file := filepath.Join(t.TempDir(), "post.eml")
	if err := os.WriteFile(file, []byte("Subject: x\n\ny\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	one := trial{hook: "incoming", from: "anne@example.com", to: []string{"dev@lists.example.com"}, client: "2001:db8::1", helo: "mail.example.com"}
	x, err := one.exchange(file)
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{"env.client_ip": "2001:db8::1", "env.helo": "mail.example.com"} {
		if got, ok := x.Lookup(key); !ok || got != want {
			t.Errorf("%s: %q, %v", key, got, ok)
		}
	}
	one.client = "mail.example.com"
	if _, err := one.exchange(file); err == nil || admin.AsError(err).Exit != admin.ExitUsage {
		t.Errorf("a name as the address: %v", err)
	}
	one.client = ""
	if x, err = one.exchange(file); err != nil {
		t.Fatal(err)
	}
	if got, ok := x.Lookup("env.client_ip"); ok {
		t.Errorf("nobody said, but it is %q", got)
	}
}
