package bounce_test

import (
	"crypto/sha256"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

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

// expectation is what another bounce reader makes of one file: of each
// address, by its key.
type expectation map[string]struct {
	action bounce.Action
	hard   bool
}

// expectations reads expected.tsv of the Sisimai collection. Rows without a
// recipient are left out.
func expectations(t testing.TB, folder string) map[string]expectation {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, "expected.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]expectation{}
	for line := range strings.Lines(string(text)) {
		row := strings.Split(strings.TrimRight(line, "\n"), "\t")
		if len(row) < 6 || !strings.Contains(row[1], "@") {
			continue
		}
		if all[row[0]] == nil {
			all[row[0]] = expectation{}
		}
		path, err := bounce.PathOf(row[1])
		if err != nil {
			path = gateway.ForwardPath(row[1]) // which nothing can name
		}
		one := all[row[0]][path.Key()]
		one.action, one.hard = bounce.Action(row[4]), row[5] == "true"
		all[row[0]][path.Key()] = one
	}
	return all
}

// tally counts what became of a set of messages.
type tally struct{ messages, named, classed, wrong, early, late int }

// add counts a message as named where one of the right addresses was found, as
// classed where one was with the right class, and as wrong where another was.
// It is early where one is called failed that is delayed for the other reader, and
// late where it is the other way round.
func (n *tally) add(finding bounce.Finding, want expectation) {
	named, classed, wrong, early, late := false, false, false, false, false
	for _, one := range finding.Recipients {
		known, right := want[one.Address.Key()]
		switch {
		case right:
			named, classed = true, classed || known.hard == (one.Class == bounce.Hard)
			early = early || known.action == bounce.Delayed && one.Action == bounce.Failed
			late = late || known.action == bounce.Failed && one.Action == bounce.Delayed
		case one.Address != "":
			wrong = true
		}
	}
	n.messages++
	n.named += count(named)
	n.classed += count(classed)
	n.wrong += count(wrong)
	n.early += count(early)
	n.late += count(late)
}

func count(yes bool) int {
	if yes {
		return 1
	}
	return 0
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
		if isAside(text) {
			n = &aside
		}
		n.add(finding, want)
	}
	hold := func(name string, n tally, named, classed, wrong int) {
		t.Logf("%s: of %d messages %d name a right recipient, %d with the right class, %d another; %d failed in place of delayed, %d delayed in place of failed", name, n.messages, n.named, n.classed, n.wrong, n.early, n.late)
		if n.named < named || n.classed < classed || n.wrong > wrong {
			t.Errorf("%s: it was %d, %d with the right class, %d another", name, named, classed, wrong)
		}
	}
	hold("seen", seen, 570, 567, 2)
	hold("put aside", aside, 229, 223, 4)
}

// How well would messages be read that nobody has seen? Each is read without the
// words that only it has: copies in other line ends, which have its name, are the
// same message.
func TestGenerality(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes seconds")
	}
	folder := corpora(t, "sisimai-set-of-emails")
	contents, users := map[string]string{}, map[string]map[string]bool{}
	want := expectations(t, folder)
	for name := range want {
		text, err := os.ReadFile(filepath.Join(folder, "maildir", name))
		if err != nil {
			t.Fatal(err)
		}
		if isAside(text) {
			continue
		}
		contents[name] = string(text)
		lower := strings.ToLower(strings.Join(strings.Fields(string(text)), " "))
		for _, word := range bounce.Words() {
			if strings.Contains(lower, word) {
				if users[word] == nil {
					users[word] = map[string]bool{}
				}
				users[word][filepath.Base(name)] = true
			}
		}
	}
	var n tally
	for name, text := range contents {
		back := bounce.Without(func(word string) bool { return len(users[word]) == 1 && users[word][filepath.Base(name)] })
		finding, err := bounce.Inspect(gateway.Bytes(text))
		back()
		if err != nil {
			t.Error(err)
		}
		n.add(finding, want[name])
	}
	t.Logf("of %d messages %d name a right recipient, %d with the right class, %d another", n.messages, n.named, n.classed, n.wrong)
	if n.named < 570 || n.classed < 560 || n.wrong > 2 {
		t.Error("it was 570, 560 with the right class, 2 another")
	}
}

// isAside says whether a message was put aside before rules were written.
func isAside(text []byte) bool { return sha256.Sum256(text)[0] < 0x50 }

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

// The figure to hold is 2,000 messages a second of one core.
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
	var begun syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &begun); err != nil {
		b.Fatal(err)
	}
	n := 0
	for b.Loop() {
		if _, err := bounce.Inspect(all[n%len(all)]); err != nil {
			b.Fatal(err)
		}
		n++
	}
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(n)/(time.Duration(used.Utime.Nano()-begun.Utime.Nano())).Seconds(), "messages/cpu-s")
}
