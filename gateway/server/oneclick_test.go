package server

import (
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/emersion/go-msgauth/dkim"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/authres"
)

// TestOneClick holds that a member's copy has a link of its own that a
// signature covers, and that the member leaves by it, once and for all.
func TestOneClick(t *testing.T) {
	p := newPlace(t)
	key, err := authres.NewPrivateKey(authres.Ed25519)
	if err != nil {
		t.Fatal(err)
	}
	text, err := key.PEM()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(p.dir+"/k.pem", text, 0o600); err != nil {
		t.Fatal(err)
	}
	s := p.run(p.load(`[auth]
dkim = [{ domain = "lists.example.com", selector = "e", key_file = "k.pem" }]
[http]
listen = "unix:` + p.dir + `/http.sock"
url = "https://lists.example.com/mail"
[[list]]
address = "dev@lists.example.com"
members = ["anne@example.com", "bart@example.com"]
unsubscribe = "member"
posting = "anyone"
`))
	if reply := p.post("dev@lists.example.com"); !strings.HasPrefix(reply, "250") {
		t.Fatal(reply)
	}
	links := map[string]string{}
	for range 2 {
		sent := <-p.sent
		content := string(sent.Content)
		draft, err := gateway.OpenDraft(gateway.Bytes(content))
		if err != nil {
			t.Fatal(err)
		}
		field := draft.Header.Get("List-Unsubscribe")
		link := regexp.MustCompile(`^<https://lists.example.com/mail/unsubscribe/([a-z2-7]+)>, <mailto:dev-leave@lists.example.com>$`).FindStringSubmatch(field)
		if link == nil || draft.Header.Get("List-Unsubscribe-Post") != "List-Unsubscribe=One-Click" || len(sent.Rcpts) != 1 {
			t.Fatalf("%q in\n%s", field, content)
		}
		links[sent.Rcpts[0]] = link[1]
		record, _ := key.Record()
		found, err := dkim.VerifyWithOptions(strings.NewReader(content), &dkim.VerifyOptions{LookupTXT: func(string) ([]string, error) { return []string{record}, nil }})
		if err != nil || len(found) != 1 || found[0].Err != nil || !strings.Contains(strings.Join(found[0].HeaderKeys, " "), "List-Unsubscribe-Post") {
			t.Errorf("%v %+v in\n%s", err, found, content)
		}
	}
	for range 2 {
		r, err := http.NewRequestWithContext(t.Context(), "POST", "/unsubscribe/"+links["anne@example.com"], strings.NewReader("List-Unsubscribe=One-Click"))
		if err != nil {
			t.Fatal(err)
		}
		w := answer{header: http.Header{}}
		s.unsubscribePage().ServeHTTP(&w, r)
		if w.status != http.StatusOK {
			t.Errorf("leaving: %d %s", w.status, w.text)
		}
	}
	members, _, err := s.roster.Members("dev.lists.example.com", "", 10)
	if err != nil || len(members) != 1 || members[0].Path != "bart@example.com" {
		t.Errorf("%v, %v", members, err)
	}
}

// answer is what a handler wrote.
type answer struct {
	header http.Header
	status int
	text   string
}

func (a *answer) Header() http.Header { return a.header }

func (a *answer) Write(p []byte) (int, error) {
	a.text += string(p)
	return len(p), nil
}

func (a *answer) WriteHeader(status int) { a.status = status }
