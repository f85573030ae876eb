// Package unsubscribe serves the page on which members leave a list with one click (RFC
// 8058). The fields List-Unsubscribe and List-Unsubscribe-Post of their copies link to
// it. The package owns the form of these links.
//
// A link has a token for one member of one list, which nobody can guess or make. Only
// POST does anything: programs that check the links in mail send GET, and get a page with
// a button. Leaving twice does no harm. The page is served through the site's web server,
// which has the certificate.
package unsubscribe

import (
	"context"
	"errors"
	"html/template"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/token"
)

// purpose is that of the tokens: other tokens of the gateway do not work here.
const purpose = "leave by one click"

// requestBytesMax bounds a request's body. Those of RFC 8058 have some 26 octets as a
// form with one field, or some 200 as multipart/form-data.
const requestBytesMax = 4 << 10

// Links makes links for members. Its zero value makes none.
type Links struct {
	URL    string // under which the site serves Page, without a slash at the end; "" if it does not
	Tokens *token.Codec
}

// List is the link of a list without the token of a member; "" if the members of that
// list have none.
func (l Links) List(list *gateway.List) string {
	if l.URL == "" || list == nil || list.Unsubscribe != "member" {
		return ""
	}
	return l.URL + "/unsubscribe"
}

// Member is the link of one member. It never expires, as people keep mail for years, and
// is valid as long as the key is.
func (l Links) Member(list gateway.ListID, member gateway.ForwardPath) string {
	if l.URL == "" {
		return ""
	}
	return l.URL + "/unsubscribe/" + l.Tokens.Whole(token.Claim{Purpose: purpose, List: list, Member: member})
}

// Page serves the page. It implements http.Handler for all paths that end in
// /unsubscribe/TOKEN, so that the site's web server can have it under any path.
type Page struct {
	Tokens *token.Codec
	// Leave removes a member from a list. It returns nil too if the member has left
	// before, or the list no longer exists.
	Leave func(ctx context.Context, list gateway.ListID, member gateway.ForwardPath) error
	Name  func(list gateway.ListID) string // the name of a list for people; nil: its ID
	Log   *slog.Logger                     // nil: nothing is logged
}

// ServeHTTP implements http.Handler.
func (p *Page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Referrer-Policy", "no-referrer")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("X-Robots-Tag", "noindex")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; form-action 'self'; frame-ancestors 'none'")
	dir, text := path.Split(r.URL.Path)
	claim, err := p.Tokens.Read(purpose, text, time.Now())
	if err != nil || !strings.HasSuffix(dir, "/unsubscribe/") {
		p.show(w, http.StatusNotFound, page{Title: "This link does not work", Text: "It may be incomplete. Please copy the whole link from the message."})
		return
	}
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		p.show(w, http.StatusOK, page{Title: "Leave " + p.name(claim.List), Text: "Mail from this list is sent to " + gateway.Printable(string(claim.Member)) + ".", Button: "Leave the list"})
	case http.MethodPost:
		p.post(w, r, claim)
	default:
		w.Header().Set("Allow", "GET, HEAD, POST")
		p.show(w, http.StatusMethodNotAllowed, page{Title: "Method not allowed"})
	}
}

// post removes the member, if the request is one of RFC 8058.
func (p *Page) post(w http.ResponseWriter, r *http.Request, claim token.Claim) {
	if !isOneClick(r) {
		p.show(w, http.StatusBadRequest, page{Title: "Bad request", Text: "The request does not say List-Unsubscribe=One-Click."})
		return
	}
	log := p.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	log = log.With("list", gateway.Printable(string(claim.List)), "member", gateway.Printable(string(claim.Member)))
	if err := p.Leave(r.Context(), claim.List, claim.Member); err != nil {
		log.Error("leaving by one click failed", "error", gateway.Printable(err.Error()))
		p.show(w, http.StatusServiceUnavailable, page{Title: "You have not left yet", Text: "Something went wrong here. Please try again later."})
		return
	}
	log.Info("left by one click")
	p.show(w, http.StatusOK, page{Title: "You have left " + p.name(claim.List), Text: "No more mail from this list will be sent to " + gateway.Printable(string(claim.Member)) + "."})
}

// isOneClick says whether the body of a request is a form with List-Unsubscribe=One-Click
// (RFC 8058, section 3.2), in either encoding.
func isOneClick(r *http.Request) bool {
	body, err := io.ReadAll(io.LimitReader(r.Body, requestBytesMax+1))
	if err != nil || len(body) > requestBytesMax {
		return false
	}
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err == nil && kind == "multipart/form-data" {
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		if r.ParseMultipartForm(requestBytesMax) != nil {
			return false
		}
		defer r.MultipartForm.RemoveAll()
		return len(r.MultipartForm.Value["List-Unsubscribe"]) == 1 && r.MultipartForm.Value["List-Unsubscribe"][0] == "One-Click"
	}
	form, err := url.ParseQuery(string(body))
	return err == nil && form.Get("List-Unsubscribe") == "One-Click"
}

func (p *Page) name(list gateway.ListID) string {
	name := ""
	if p.Name != nil {
		name = p.Name(list)
	}
	if name == "" {
		name = string(list)
	}
	return gateway.Printable(name)
}

// page is what a person sees.
type page struct{ Title, Text, Button string }

var pages = template.Must(template.New("page").Parse(`<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{{.Title}}</title>
<h1>{{.Title}}</h1>
{{with .Text}}<p>{{.}}</p>
{{end}}{{with .Button}}<form method="post">
<button name="List-Unsubscribe" value="One-Click">{{.}}</button>
</form>
{{end}}</html>
`))

func (p *Page) show(w http.ResponseWriter, status int, content page) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	if err := pages.Execute(w, content); err != nil && p.Log != nil && !errors.Is(err, http.ErrBodyNotAllowed) {
		p.Log.Debug("the page could not be sent", "error", gateway.Printable(err.Error()))
	}
}
