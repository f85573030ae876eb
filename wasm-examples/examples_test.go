package examples_test

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/sandbox"
	examples "github.com/mmgw/mmgw/wasm-examples"
)

// handle runs an example for a post.
func handle(t *testing.T, name string, spec sandbox.Spec, mail string) (gateway.Verdict, error) {
	t.Helper()
	wasm, ok := examples.Lookup(name)
	if !ok {
		t.Fatalf("there is no example %s", name)
	}
	spec.Name, spec.Wasm = name, wasm
	host, err := sandbox.New(sandbox.Env{})
	if err != nil {
		t.Fatal(err)
	}
	defer host.Close(t.Context())
	p, err := host.Load(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	draft, err := gateway.OpenDraft(gateway.Bytes(strings.ReplaceAll(mail, "\n", "\r\n")))
	if err != nil {
		t.Fatal(err)
	}
	return p.Handle(t.Context(), &gateway.Exchange{
		Phase:      gateway.PhaseIncoming,
		Message:    &gateway.Message{},
		Leg:        &gateway.Leg{Service: gateway.Post, Recipients: []gateway.RecipientID{0}},
		Recipients: []gateway.Recipient{{Path: "dev@lists.example.com"}},
		Draft:      draft,
	})
}

func TestRefuse(t *testing.T) {
	spec := sandbox.Spec{Config: map[string]any{"words": []any{"Lottery"}}}
	for mail, want := range map[string]gateway.Action{
		"Subject: hello\n\ntext\n":                                        gateway.Continue,
		"Subject: the LOTTERY\n\ntext\n":                                  gateway.Reject,
		"Subject: x\n\n" + strings.Repeat("x", 40_000) + "lottery text\n": gateway.Reject,
	} {
		v, err := handle(t, "refuse", spec, mail)
		if err != nil || v.Action != want {
			t.Errorf("%.30q: %v, %v", mail, v.Action, err)
		}
		if want == gateway.Reject && (v.Status.Code != 550 || v.Status.Enhanced.String() != "5.7.1" || !strings.Contains(v.Status.Text, "lottery")) {
			t.Errorf("the reply is %v", v.Status)
		}
	}
}

func TestSpin(t *testing.T) {
	spec := sandbox.Spec{Fuel: 10_000_000}
	if v, err := handle(t, "spin", spec, "Subject: x\n\n"); err != nil || v.Action != gateway.Continue {
		t.Errorf("without X-Spin: %v, %v", v.Action, err)
	}
	_, err := handle(t, "spin", spec, "X-Spin: 1\n\n")
	var fault *sandbox.Error
	if !errors.As(err, &fault) || fault.Fault != sandbox.OutOfFuel {
		t.Errorf("with X-Spin: %v", err)
	}
}

// TestSums holds the embedded modules to SHA256SUMS.
func TestSums(t *testing.T) {
	f, err := os.Open("SHA256SUMS")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		sum, path, _ := strings.Cut(lines.Text(), "  ")
		name, _, _ := strings.Cut(path, "/")
		wasm, ok := examples.Lookup(name)
		digest := sha256.Sum256(wasm)
		if !ok || hex.EncodeToString(digest[:]) != sum {
			t.Errorf("%s is not the module of SHA256SUMS", path)
		}
	}
}
