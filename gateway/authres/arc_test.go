package authres

import (
	"crypto/x509"
	"encoding/pem"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/mmgw/mmgw/gateway"
)

// arcZone is DNS of a suite: TXT records by name.
func arcZone(records any) zone {
	z := zone{}
	for name, text := range records.(map[string]any) {
		if text := text.(string); text != "" {
			z[strings.TrimSuffix(strings.ToLower(name), ".")] = []string{text}
		}
	}
	return z
}

// TestARCSuite validates the chains of the ARC test suite, where it is.
func TestARCSuite(t *testing.T) {
	dir := corpora(t, "arc_test_suite/tests")
	right, all := 0, 0
	for _, document := range readYAML(t, dir+"/arc-draft-validation-tests.yml") {
		d := document.(map[string]any)
		records, ok := d["txt-records"]
		if !ok {
			t.Fatal("a document has no records")
		}
		tests := d["tests"].(map[string]any)
		for _, name := range slices.Sorted(maps.Keys(tests)) {
			test := tests[name].(map[string]any)
			want := strings.ToLower(test["cv"].(string))
			if want == "" { // a seal that says fail: RFC 8617, section 5.2, step 2
				want = Fail
			}
			draft, err := gateway.OpenDraft(crlf(test["message"].(string)))
			if err != nil {
				t.Fatal(err)
			}
			v := Verifier{DNS: arcZone(records)}
			got := v.checkARC(t.Context(), draft.Content(), draft.Header)
			if all++; got.result == want {
				right++
			} else {
				t.Logf("%s: %s (%s), want %s: %s", name, got.result, got.reason, want, test["description"])
			}
		}
	}
	t.Logf("%d of %d", right, all)
	if right*100 < all*98 {
		t.Errorf("fewer than 98 of 100 are right")
	}
}

// TestARCSealSuite seals the messages of the ARC test suite, where it is. The
// message signature is the same to the last bit. What a seal signs depends on
// the white space of the fields before it, so that of the suite's seals all but
// b= is compared, and ours are validated.
func TestARCSealSuite(t *testing.T) {
	dir := corpora(t, "arc_test_suite/tests")
	right, all := 0, 0
	for _, document := range readYAML(t, dir+"/arc-draft-sign-tests.yml") {
		d := document.(map[string]any)
		private, err := parseTestKey([]byte(d["privatekey"].(string)))
		if err != nil {
			t.Fatal(err)
		}
		key := Key{d["domain"].(string), d["sel"].(string), private}
		tests := d["tests"].(map[string]any)
		for _, name := range slices.Sorted(maps.Keys(tests)) {
			test := tests[name].(map[string]any)
			problems := sealProblems(t, key, arcZone(d["txt-records"]), test)
			if all++; len(problems) == 0 {
				right++
			} else {
				t.Logf("%s (%s): %s", name, test["description"], strings.Join(problems, "\n"))
			}
		}
	}
	t.Logf("%d of %d", right, all)
	if right*100 < all*98 {
		t.Errorf("fewer than 98 of 100 are right")
	}
}

// parseTestKey takes the short keys of the suite as well.
func parseTestKey(text []byte) (PrivateKey, error) {
	block, _ := pem.Decode(text)
	key, err := x509.ParsePKCS1PrivateKey(block.Bytes)
	return PrivateKey{key}, err
}

func sealProblems(t *testing.T, key Key, z zone, test map[string]any) (problems []string) {
	draft, err := gateway.OpenDraft(crlf(test["message"].(string)))
	if err != nil {
		t.Fatal(err)
	}
	hash, err := BodyHash(draft.Body())
	if err != nil {
		t.Fatal(err)
	}
	at, err := strconv.ParseInt(test["t"].(string), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	s := &Signer{Keys: []Key{key}, ID: test["srv-id"].(string)}
	n := instanceSeal{bodyHash: hash, now: time.Unix(at, 0), results: s.ownResults(draft.Header)}
	v := Verifier{DNS: z}
	chain := v.checkARC(t.Context(), draft.Content(), draft.Header)
	n.instance, n.cv = highestInstance(draft.Header)+1, chain.result
	if saysFail(draft.Header) {
		if test["AS"] != "" {
			problems = append(problems, "a failed chain is not gone on with")
		}
		return problems
	}
	set, err := sealWith(key, draft.Header, strings.Split(test["sig-headers"].(string), ":"), n, chain.sets)
	if err != nil {
		t.Fatal(err)
	}
	for i, name := range []string{"AS", "AMS", "AAR"} {
		want, got := strings.TrimSpace(test[name].(string)), set[i].Value()
		if name == "AAR" {
			if squeeze(want) != squeeze(got) {
				problems = append(problems, "AAR "+got+", want "+want)
			}
			continue
		}
		w, err := parseTags(want)
		g, err2 := parseTags(got)
		if name == "AS" {
			delete(w, "b")
			delete(g, "b")
		}
		if err != nil || err2 != nil || !maps.Equal(w, g) {
			problems = append(problems, name+" "+got+", want "+want)
		}
	}
	sealed := draft.Clone()
	sealed.Header = slices.Concat(set, draft.Header)
	wantChain := Pass
	if n.cv == Fail {
		wantChain = Fail
	}
	if got := v.checkARC(t.Context(), sealed.Content(), sealed.Header); got.result != wantChain {
		problems = append(problems, "the sealed message is "+got.result+": "+got.reason)
	}
	return problems
}

// squeeze drops the space of a value, which says nothing.
func squeeze(s string) string { return strings.Join(strings.Fields(s), "") }
