package unsubscribe

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/token"
)

// site is a page with its links, and who has left.
type site struct {
	*httptest.Server
	links Links
	left  []string
	fault error
}

func newSite(t *testing.T) *site {
	tokens := &token.Codec{Secrets: [][]byte{make([]byte, 32)}}
	s := &site{}
	s.Server = httptest.NewServer(&Page{Tokens: tokens, Leave: func(_ context.Context, list gateway.ListID, member gateway.ForwardPath) error {
		if s.fault == nil {
			s.left = append(s.left, string(list)+" "+string(member))
		}
		return s.fault
	}})
	t.Cleanup(s.Close)
	s.links = Links{URL: s.URL + "/lists", Tokens: tokens}
	return s
}

func (s *site) do(t *testing.T, method, link, kind, body string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, link, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", kind)
	answer, err := s.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(text)
}

const (
	form      = "application/x-www-form-urlencoded"
	oneClick  = "List-Unsubscribe=One-Click"
	multipart = "multipart/form-data; boundary=x"
	oneClickM = "--x\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n--x--\r\n"
)

// TestRequests holds that nothing but the POST of RFC 8058 does anything.
func TestRequests(t *testing.T) {
	s := newSite(t)
	link := s.links.Member("dev.lists.example.com", `"<b>a"@example.com`)
	for _, c := range []struct {
		name, method, link, kind, body string
		status, left                   int
		shows                          string
	}{
		{"a program looks", "GET", link, "", "", 200, 0, `<button name="List-Unsubscribe" value="One-Click">`},
		{"a program looks with a body", "GET", link, form, oneClick, 200, 0, "&#34;&lt;b&gt;a&#34;@example.com"},
		{"head", "HEAD", link, "", "", 200, 0, ""},
		{"put", "PUT", link, form, oneClick, 405, 0, ""},
		{"delete", "DELETE", link, "", "", 405, 0, ""},
		{"nothing said", "POST", link, form, "", 400, 0, ""},
		{"other words", "POST", link, form, "List-Unsubscribe=no", 400, 0, ""},
		{"in the query", "POST", link + "?" + oneClick, form, "", 400, 0, ""},
		{"too long", "POST", link, form, oneClick + strings.Repeat("&x", requestBytesMax), 400, 0, ""},
		{"broken parts", "POST", link, multipart, oneClickM[:20], 400, 0, ""},
		{"forged", "POST", link[:len(link)-5] + "aaaaa", form, oneClick, 404, 0, "does not work"},
		{"no token", "POST", s.URL + "/lists/unsubscribe/", form, oneClick, 404, 0, ""},
		{"elsewhere", "POST", strings.Replace(link, "unsubscribe", "x", 1), form, oneClick, 404, 0, ""},
		{"one click", "POST", link, form, oneClick, 200, 1, "You have left"},
		{"one click again", "POST", link, form, oneClick, 200, 1, "You have left"},
		{"in parts", "POST", link, multipart, oneClickM, 200, 1, ""},
		{"in capitals", "POST", s.URL + "/unsubscribe/" + strings.ToUpper(link[strings.LastIndex(link, "/")+1:]), form, oneClick, 200, 1, ""},
	} {
		s.left = nil
		status, text := s.do(t, c.method, c.link, c.kind, c.body)
		if status != c.status || len(s.left) != c.left || !strings.Contains(text, c.shows) {
			t.Errorf("%s: %d, left %q, %s", c.name, status, s.left, text)
		}
		if c.left > 0 && s.left[0] != `dev.lists.example.com "<b>a"@example.com` {
			t.Errorf("%s: %q has left", c.name, s.left)
		}
	}
	s.fault = errors.New("disk on fire")
	if status, text := s.do(t, "POST", link, form, oneClick); status != http.StatusServiceUnavailable || strings.Contains(text, "fire") {
		t.Errorf("a fault of ours: %d %s", status, text)
	}
}

// TestOtherTokens holds that a token that confirms a command is not a link.
func TestOtherTokens(t *testing.T) {
	s := newSite(t)
	other := s.links.Tokens.Whole(token.Claim{Purpose: "leave", List: "dev.lists.example.com", Member: "anne@example.com"})
	if status, _ := s.do(t, "POST", s.URL+"/unsubscribe/"+other, form, oneClick); status != http.StatusNotFound || len(s.left) > 0 {
		t.Errorf("%d, %q", status, s.left)
	}
}

// TestLinks holds what a link looks like, and that there is none without a site.
func TestLinks(t *testing.T) {
	list := &gateway.List{ID: "dev.lists.example.com", Unsubscribe: "member"}
	none, s := Links{}, newSite(t)
	if none.List(list) != "" || none.Member(list.ID, "anne@example.com") != "" || s.links.List(&gateway.List{Unsubscribe: "list"}) != "" {
		t.Error("a link to nowhere")
	}
	link := s.links.Member(list.ID, "anne@example.com")
	if u, err := url.Parse(link); err != nil || !strings.HasPrefix(link, s.links.List(list)+"/") || u.RawQuery != "" || link == s.links.Member(list.ID, "bart@example.com") {
		t.Errorf("%s, %v", link, err)
	}
}
