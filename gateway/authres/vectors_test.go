package authres

import (
	"context"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mmgw/mmgw/gateway"
)

// zone is DNS in memory: TXT records by name, without the final dot. The
// values TEMPERROR and PERMERROR stand for failures.
type zone map[string][]string

func (zone) LookupMX(_ context.Context, name string) ([]*net.MX, error) { return nil, notFound(name) }
func (zone) LookupNetIP(_ context.Context, _, name string) ([]netip.Addr, error) {
	return nil, notFound(name)
}
func (zone) LookupAddr(_ context.Context, name string) ([]string, error) { return nil, notFound(name) }

func (z zone) LookupTXT(_ context.Context, name string) ([]string, error) {
	records := z[strings.TrimSuffix(name, ".")]
	switch {
	case len(records) == 0 || records[0] == "PERMERROR":
		return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
	case records[0] == "TEMPERROR":
		return nil, &net.DNSError{Err: "server misbehaving", Name: name, IsTemporary: true}
	}
	return records, nil
}

// readZone reads a .dns file, see testdata/vectors/README.md.
func readZone(t *testing.T, file string) zone {
	t.Helper()
	z := zone{}
	text := strings.ReplaceAll(readFile(t, file), "\\\n", "")
	for line := range strings.SplitSeq(text, "\n") {
		if name, value, ok := strings.Cut(line, ":"); ok {
			name = strings.TrimSpace(name)
			z[name] = append(z[name], strings.Join(strings.Fields(value), " "))
		}
	}
	return z
}

func readFile(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func crlf(text string) gateway.Bytes {
	return gateway.Bytes(strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\n", "\r\n"))
}

// words are the results of DKIM, in the order of the signatures.
func words(r gateway.AuthResults) (words []string) {
	for _, d := range r.DKIM {
		words = append(words, d.Result)
	}
	return words
}

func checkVector(t *testing.T, message, records string, want ...string) {
	t.Helper()
	v := Verifier{}
	if records != "" {
		v.DNS = readZone(t, records)
	} else {
		v.DNS = zone{}
	}
	r := v.Verify(t.Context(), crlf(readFile(t, message)))
	if !slices.Equal(words(r), want) {
		t.Errorf("%s: got %v, want %v", filepath.Base(message), r.DKIM, want)
	}
}

// TestVectors verifies messages that others signed.
func TestVectors(t *testing.T) {
	for _, c := range []struct {
		message, records string
		want             []string
	}{
		{"01-rfc8463", "01-rfc8463", []string{Pass, Pass}},
		{"04-bad_dkim_signature_header", "01-rfc8463", []string{PermError}},
		{"08-our_signature", "08-our_signature", []string{Pass, Pass, Pass}},
		{"09-limited_body", "09-limited_body", []string{Policy, Pass, Pass}}, // l= is not accepted here
		{"11-strict_domain_check_fail", "11-strict_domain_check_fail", []string{PermError}},
	} {
		checkVector(t, filepath.Join("testdata/vectors", c.message+".msg"), filepath.Join("testdata/vectors", c.records+".dns"), c.want...)
	}
}

// TestCorpus verifies the other messages of chasquid's tests, where they are.
func TestCorpus(t *testing.T) {
	dir := corpora(t, "chasquid-dkim/internal/dkim/testdata")
	for _, c := range []struct {
		message, records string
		want             []string
	}{
		{"02-too_many_headers", "01-rfc8463", []string{Pass, Pass, Pass, Pass, Pass, Pass, Pass}},
		{"01-rfc8463", "05-dns_temp_error", []string{TempError, Pass}},
		{"01-rfc8463", "06-dns_perm_error", []string{PermError, Pass}},
		// RFC 6376, section 3.6.2.2, leaves two records undefined.
		{"01-rfc8463", "07-algo_mismatch", []string{PermError, Pass}},
		{"01-rfc8463", "10-strict_domain_check_pass", []string{Pass, Pass}},
	} {
		checkVector(t, filepath.Join(dir, c.message+".msg"), filepath.Join(dir, c.records+".dns"), c.want...)
	}
}

// TestCorpusOfMail looks at every message that is at hand: whatever it is, it
// gets a result and a field of printable ASCII.
func TestCorpusOfMail(t *testing.T) {
	dir := corpora(t, "")
	messages, signed := 0, 0
	err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.HasSuffix(path, ".yml") {
			return err
		}
		v := Verifier{DNS: zone{}}
		r := v.Verify(t.Context(), crlf(readFile(t, path)))
		messages++
		if len(r.DKIM) > 0 {
			signed++
		}
		for _, d := range r.DKIM {
			if d.Result == Pass {
				t.Errorf("%s passes without a key", path)
			}
		}
		checkField(t, formatted(t, "mx.example.com", r, ""))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d messages, %d signed", messages, signed)
}

// corpora finds a collection of real mail, which is not part of the project:
// $MMGW_CORPORA, else beside the checkout.
func corpora(t *testing.T, name string) string {
	t.Helper()
	root := os.Getenv("MMGW_CORPORA")
	if root == "" {
		checkout, err := filepath.Abs(".")
		for err == nil && checkout != "/" {
			if _, err := os.Stat(filepath.Join(checkout, "go.mod")); err == nil {
				break
			}
			checkout = filepath.Dir(checkout)
		}
		root = filepath.Join(checkout, "..", "shared", "corpora")
	}
	dir := filepath.Join(root, name)
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("the corpora are not here: set MMGW_CORPORA (%v)", err)
	}
	return dir
}
