package main

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/probe"
	"github.com/mmgw/mmgw/gateway/verp"
	"github.com/mmgw/mmgw/testdata"
)

// devSite has one list, with a handler; its members follow.
const devSite = `
[incoming]
handlers = ["subject-prefix"]
[plugins.subject-prefix.config]
prefix = "[dev]"
[[list]]
address = "dev@lists.example.com"
posting = "anyone"
members = `

const journeySite = devSite + `["anne@example.com", "Bart.Person@example.org", '"odd one"@example.net']
`

var journeyMembers = []gateway.ForwardPath{"anne@example.com", "bart.person@example.org", `"odd one"@example.net`}

// Every message of testdata and of real corpora reaches every member, under a
// reverse-path that names member and message, unchanged except for the fields
// that the gateway and its handlers are there to change.
func TestMessagesArriveUnchanged(t *testing.T) {
	t.Run("testdata", func(t *testing.T) { journey(t, ownMessages(t)) })
	t.Run("corpora", func(t *testing.T) { journey(t, corpusMessages(t)) })
}

func journey(t *testing.T, contents [][]byte) {
	s := newSite(t, journeySite)
	p := s.serve()
	client := p.client()
	expected := map[string][]byte{} // by X-Journey
	for i, content := range contents {
		from := gateway.ReversePath(fmt.Sprintf("poster%d@example.com", i))
		marked := append([]byte(fmt.Sprintf("X-Journey: %d\r\n", i)), normalise(content)...)
		replies, err := client.Send(t.Context(), from, []gateway.ForwardPath{"dev@lists.example.com"}, marked)
		if err != nil {
			t.Fatalf("message %d: %v\n%s", i, err, p.log)
		}
		if replies[0].Status.Class() != gateway.Success {
			t.Errorf("message %d: %s", i, replies[0].Status.Reply())
			continue
		}
		expected[fmt.Sprint(i)] = marked
	}
	sent := s.wait(len(expected) * len(journeyMembers))
	p.stop()
	if len(sent) != len(expected)*len(journeyMembers) {
		t.Errorf("%d copies of %d messages to %d members", len(sent), len(expected), len(journeyMembers))
	}
	checkCopies(t, s, sent, expected)
}

// checkCopies looks at each copy, and that none is missing.
func checkCopies(t *testing.T, s *site, sent []probe.Transaction, expected map[string][]byte) {
	t.Helper()
	keys, err := verp.LoadOrCreateKeys(filepath.Join(s.dir, "state", "verp.key"))
	if err != nil {
		t.Fatal(err)
	}
	codec := &verp.Codec{Keys: keys, Directory: tokens{}}
	list := &gateway.List{ID: "dev.lists.example.com", Address: "dev@lists.example.com"}
	arrived := map[string]bool{}
	for _, c := range sent {
		_, detail, ok := codec.Split(gateway.ForwardPath(c.MailFrom))
		decoded, err := codec.Decode(list, detail, time.Now())
		if !ok || err != nil || decoded.Member.Key() != gateway.ForwardPath(c.Rcpts[0]).Key() || decoded.Message == 0 {
			t.Errorf("the reverse-path %s of the copy for %s says %+v, %v", c.MailFrom, c.Rcpts, decoded, err)
		}
		draft, err := gateway.OpenDraft(gateway.Bytes(c.Content))
		if err != nil {
			t.Fatal(err)
		}
		number := draft.Header.Get("X-Journey")
		arrived[number+" "+decoded.Member.Key()] = true
		if got, want := essence(t, c.Content), essence(t, expected[number]); !bytes.Equal(got, want) {
			at := differAt(got, want)
			t.Errorf("message %s for %s differs at octet %d: %q, was %q", number, c.Rcpts, at, clip(got[at:]), clip(want[at:]))
		}
		if subject := draft.Header.Get("Subject"); !strings.Contains(subject, "[dev]") {
			t.Errorf("message %s: the handler's prefix is missing: %q", number, subject)
		}
	}
	for number := range expected {
		for _, member := range journeyMembers {
			if !arrived[number+" "+member.Key()] {
				t.Errorf("message %s did not reach %s", number, member)
			}
		}
	}
}

// tokens are the opaque names of the members.
type tokens struct{}

func (tokens) MemberByToken(list gateway.ListID, token string) (gateway.ForwardPath, error) {
	for _, member := range journeyMembers {
		if verp.Token(list, member) == token {
			return member, nil
		}
	}
	return "", verp.ErrUnknownMember
}

// essence is what strip leaves.
func essence(t *testing.T, content []byte) []byte {
	t.Helper()
	stripped, err := strip(content)
	if err != nil {
		t.Fatal(err)
	}
	return stripped
}

// strip takes the fields off a message that a gateway and its handlers may
// change: the rest is byte for byte the same on both sides.
func strip(content []byte) ([]byte, error) {
	draft, err := gateway.OpenDraft(gateway.Bytes(content))
	if err != nil {
		return nil, err
	}
	draft.Header = slices.DeleteFunc(draft.Header, func(f gateway.Field) bool {
		name := strings.ToLower(f.Name())
		ours := name == "received" && strings.Contains(f.Value(), "by gw.example.com (mmgw)") ||
			name == "delivered-to" && f.Value() == "dev@lists.example.com" ||
			name == "authentication-results" && strings.HasPrefix(f.Value(), "gw.example.com;")
		return ours || strings.HasPrefix(name, "list-") ||
			slices.Contains([]string{"subject", "precedence", "return-path", "date", "message-id"}, name)
	})
	r, err := draft.Content().Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

// differAt is where two texts begin to differ.
func differAt(a, b []byte) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

func clip(b []byte) []byte { return b[:min(len(b), 80)] }

func ownMessages(t *testing.T) (contents [][]byte) {
	t.Helper()
	for _, name := range testdata.Names() {
		content, err := testdata.Message(name)
		if err != nil {
			t.Fatal(err)
		}
		contents = append(contents, content)
	}
	return contents
}

// corpusMessagesMax bounds the messages that are taken from the corpora.
const corpusMessagesMax = 300

// corpusMessages are real messages from $MMGW_CORPORA, or the corpora beside
// the checkout.
func corpusMessages(t *testing.T) (contents [][]byte) {
	t.Helper()
	root := os.Getenv("MMGW_CORPORA")
	if root == "" {
		root = filepath.Join("..", "..", "..", "shared", "corpora")
	}
	for _, set := range []string{"spamassassin", "rspamd-messages", "enmime", "cpython-test_email"} {
		err := filepath.WalkDir(filepath.Join(root, set), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || strings.Contains(strings.ToLower(path), "license") || len(contents) == corpusMessagesMax {
				return err
			}
			content, err := os.ReadFile(path)
			contents = append(contents, content)
			return err
		})
		if err != nil {
			t.Skipf("the corpora are not here: %v", err)
		}
	}
	return contents
}

// normalise gives a content the line ends that the gateway would.
func normalise(content []byte) []byte {
	content = bytes.ReplaceAll(content, []byte("\r\n"), []byte("\n"))
	content = bytes.ReplaceAll(content, []byte("\r"), []byte(" "))
	content = bytes.ReplaceAll(content, []byte("\n"), []byte("\r\n"))
	if !bytes.HasSuffix(content, []byte("\r\n")) {
		content = append(content, "\r\n"...)
	}
	return content
}

// What was accepted is delivered, also when the process is killed before it
// could deliver anything.
func TestKilledGatewayLosesNothing(t *testing.T) {
	s := newSite(t, journeySite)
	s.close()
	deaf, err := net.Listen("tcp", s.smtp) // takes connections and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer deaf.Close()
	p := s.serve()
	client := p.client()
	const messages = 20
	for i := range messages {
		content := fmt.Sprintf("X-Journey: %d\r\nSubject: hello\r\n\r\nhi\r\n", i)
		replies, err := client.Send(t.Context(), "anne@example.com", []gateway.ForwardPath{"dev@lists.example.com"}, []byte(content))
		if err != nil || replies[0].Status.Class() != gateway.Success {
			t.Fatalf("message %d: %v, %v", i, replies, err)
		}
	}
	p.kill()
	deaf.Close()
	listener, err := net.Listen("tcp", s.smtp)
	if err != nil {
		t.Fatal(err)
	}
	s.open(listener)
	p = s.serve()
	expected := map[string]bool{}
	for _, c := range s.wait(messages * len(journeyMembers)) {
		draft, err := gateway.OpenDraft(gateway.Bytes(c.Content))
		if err != nil {
			t.Fatal(err)
		}
		expected[draft.Header.Get("X-Journey")+" "+c.Rcpts[0]] = true
	}
	p.stop()
	if len(expected) != messages*len(journeyMembers) {
		t.Errorf("%d of %d copies arrived", len(expected), messages*len(journeyMembers))
	}
}
