package bounce_test

import (
	"crypto/sha256"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/bounce"
)

// corpora finds the collections of real mail, which are no part of the
// project: $MMGW_CORPORA, else beside the checkout.
func corpora(t testing.TB, name string) string {
	t.Helper()
	root := os.Getenv("MMGW_CORPORA")
	if root == "" {
		root = filepath.Join(checkout(t), "..", "shared", "corpora")
	}
	folder := filepath.Join(root, name)
	if _, err := os.Stat(folder); err != nil {
		t.Skipf("the corpora are not here: set MMGW_CORPORA (%v)", err)
	}
	return folder
}

func checkout(t testing.TB) string {
	t.Helper()
	folder, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for folder != filepath.Dir(folder) {
		if _, err := os.Stat(filepath.Join(folder, "go.mod")); err == nil {
			break
		}
		folder = filepath.Dir(folder)
	}
	return folder
}

// expectation is what another bounce reader makes of one file.
type expectation struct {
	recipients map[string]bool // keys of the addresses
	hard       bool
}

// expectations reads expected.tsv of the Sisimai collection. Rows without a
// recipient are left out.
func expectations(t testing.TB, folder string) map[string]*expectation {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, "expected.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]*expectation{}
	for line := range strings.Lines(string(text)) {
		row := strings.Split(strings.TrimRight(line, "\n"), "\t")
		if len(row) < 6 || !strings.Contains(row[1], "@") {
			continue
		}
		if all[row[0]] == nil {
			all[row[0]] = &expectation{recipients: map[string]bool{}, hard: row[5] == "true"}
		}
		all[row[0]].recipients[strings.ToLower(row[1])] = true
	}
	return all
}

// tally counts what became of a set of messages.
type tally struct{ messages, named, wrong, classed int }

func (n *tally) add(finding bounce.Finding, want *expectation) {
	n.messages++
	named, wrong := false, false
	for _, one := range finding.Recipients {
		if one.Address == "" {
			continue
		}
		if want.recipients[one.Address.Key()] {
			if !named && (one.Class == bounce.Hard) == want.hard {
				n.classed++
			}
			named = true
		} else {
			wrong = true
		}
	}
	if named {
		n.named++
	}
	if wrong {
		n.wrong++
	}
}

// The rules were written without a look at the files that are put aside: both
// rates are told, so that rules that fit single files would show.
func TestSisimai(t *testing.T) {
	folder := corpora(t, "sisimai-set-of-emails")
	var aside, seen tally
	for name, want := range expectations(t, folder) {
		text, err := os.ReadFile(filepath.Join(folder, "maildir", name))
		if err != nil {
			t.Fatal(err)
		}
		finding, err := bounce.Inspect(gateway.Bytes(text))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		n := &seen
		if sha256.Sum256(text)[0] < 0x50 {
			n = &aside
		}
		n.add(finding, want)
	}
	for name, n := range map[string]tally{"seen": seen, "put aside": aside} {
		t.Logf("%s: of %d messages %d named right, %d with the right class, %d with another address", name, n.messages, n.named, n.classed, n.wrong)
		if n.named*100 < n.messages*60 || n.wrong*100 > n.messages {
			t.Errorf("%s: that is less than 60 %% with a right recipient, or more than 1 %% with a wrong one", name)
		}
	}
}

// bouncesAmongOthers are reports of failures in collections of other mail.
var bouncesAmongOthers = map[string]bool{"msg_16.txt": true, "msg_43.txt": true}

// Mail that is no bounce is never taken for one.
func TestNoFalseBounces(t *testing.T) {
	for _, name := range []string{"sisimai-set-of-emails/maildir/not", "enmime", "cpython-test_email", "spamassassin", "rspamd-messages"} {
		err := filepath.WalkDir(corpora(t, name), func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			if bouncesAmongOthers[d.Name()] {
				return nil
			}
			if finding, err := bounce.Inspect(gateway.Bytes(text)); err != nil || finding.Bounce {
				t.Errorf("%s: %+v, %v", path, finding, err)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
}

// The figure to hold is 2,000 messages a second.
func BenchmarkSisimai(b *testing.B) {
	folder := corpora(b, "sisimai-set-of-emails")
	var all []gateway.Bytes
	for name := range expectations(b, folder) {
		text, err := os.ReadFile(filepath.Join(folder, "maildir", name))
		if err != nil {
			b.Fatal(err)
		}
		all = append(all, text)
	}
	n := 0
	for b.Loop() {
		if _, err := bounce.Inspect(all[n%len(all)]); err != nil {
			b.Fatal(err)
		}
		n++
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "messages/s")
}
