package pipeline

import (
	"strings"
	"testing"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/roster"
)

// remail hands every copy that goes to a list in again, as the MTA would, until
// none is left, and returns how many copies there were in all.
func (h *house) remail(limit int) (copies int) {
	h.t.Helper()
	for h.settle(); len(h.sent) > 0 && copies < limit; h.settle() {
		sent := h.sent
		h.sent = nil
		for _, c := range sent {
			copies++
			for _, to := range c.to {
				if strings.HasSuffix(to, "@lists.example.com") {
					h.post(c.from, c.content, gateway.ForwardPath(to))
				}
			}
		}
	}
	return copies
}

func openList(name string, owners []gateway.ForwardPath, members ...gateway.ForwardPath) roster.FileList {
	l := roster.FileList{List: gateway.List{
		ID:      gateway.ListID(name + ".lists.example.com"),
		Address: gateway.ForwardPath(name + "@lists.example.com"), Owners: owners, Posting: gateway.PostingAnyone,
	}}
	for _, member := range members {
		l.Members = append(l.Members, gateway.Recipient{Path: member})
	}
	return l
}

// retitle makes a post the list's own, as list-headers does.
func retitle(x *gateway.Exchange) (gateway.Verdict, error) {
	var v gateway.Verdict
	for i := x.Draft.Header.Find("List-Id", 0); i >= 0; i = -1 {
		v.Edits = append(v.Edits, gateway.Edit{Op: gateway.DeleteField, Index: i})
	}
	v.Edits = append(v.Edits, gateway.Edit{Op: gateway.InsertField, Name: "List-Id", Value: "<" + string(x.List.ID) + ">"})
	return v, nil
}

// Lists that are members of each other, and of themselves, send each member
// few copies of a post: one for each way that leads to it.
func TestListsInACircle(t *testing.T) {
	h := newHouse(t,
		openList("a", nil, "a@lists.example.com", "b@lists.example.com", "anne@example.com"),
		openList("b", nil, "a@lists.example.com", "b@lists.example.com", "bart@example.org"))
	h.outgoing = Chain{{Handler: handlerFunc(retitle)}}
	h.post("anne@example.com", hello, "a@lists.example.com")
	if copies := h.remail(1000); copies != 6 {
		t.Errorf("%d copies", copies)
	}
}

// A list whose owner is the list, or the address of its owners.
func TestOwnersInACircle(t *testing.T) {
	h := newHouse(t, openList("a", []gateway.ForwardPath{"a@lists.example.com", "a-owner@lists.example.com"}, "anne@example.com"))
	h.post("eve@example.net", hello, "a-owner@lists.example.com")
	if copies := h.remail(1000); copies != 2 { // one to both owners, and that is a post to anne
		t.Errorf("%d copies", copies)
	}
}

func TestHeaderWithoutRoom(t *testing.T) {
	for _, test := range []struct{ fields, want string }{
		{strings.Repeat("X: y\r\n", gateway.HeaderFieldsMax-ownFieldsMax-10), accepted},
		{strings.Repeat("X: y\r\n", gateway.HeaderFieldsMax-10), "552 5.3.4 the header block is too large"},
		{"X: " + strings.Repeat("y", gateway.HeaderBytesMax-ownFieldBytesMax-1000) + "\r\n", accepted},
		{"X: " + strings.Repeat("y", gateway.HeaderBytesMax-1000) + "\r\n", "552 5.3.4 the header block is too large"},
	} {
		h := newHouse(t, devList("anne@example.com"))
		if got := h.post("anne@example.com", test.fields+hello, "dev@lists.example.com"); got[0] != test.want {
			t.Errorf("%d octets of %.6q: %s", len(test.fields), test.fields, got)
		}
	}
}

// The first line of an mbox is not a field: below those that we add it would end
// the header.
func TestMboxLineGoes(t *testing.T) {
	h := newHouse(t, devList("anne@example.com"))
	h.post("anne@example.com", "From anne@example.com Mon Nov 23 09:00:00 2026\r\n"+hello, "dev@lists.example.com")
	h.settle()
	if len(h.sent) != 1 || strings.Contains(h.sent[0].content, "From anne") || !strings.Contains(h.sent[0].content, "\r\nFrom: anne") {
		t.Errorf("sent %+v", h.sent)
	}
}

// A post that comes to its list again by another way, and what machines answer to a list go no further.
func TestFloodsEnd(t *testing.T) {
	h := newHouse(t, openList("a", nil, "anne@example.com"), openList("b", nil, "anne@example.com"))
	h.intake.Posts = h.roster
	var known []gateway.QueueID
	h.incoming = Chain{{Name: "look", Handler: handlerFunc(func(x *gateway.Exchange) (gateway.Verdict, error) {
		if x.Phase == gateway.PhaseIncoming {
			known = append(known, x.Duplicate)
		}
		return gateway.Verdict{}, nil
	})}}
	other := strings.Replace(hello, "<1@", "<2@", 1)
	for _, c := range []struct {
		name    string
		from    gateway.ReversePath
		content string
		to      gateway.ForwardPath
		copies  int
	}{
		{"a post", "anne@example.com", hello, "a@lists.example.com", 1},
		{"the same, by another way", "anne@example.com", "Received: from b by c; now\r\nReturn-Path: <x@example.com>\r\n" + hello, "a@lists.example.com", 0},
		{"the same Message-ID, another text", "anne@example.com", hello + "more\r\n", "a@lists.example.com", 1},
		{"to another list", "anne@example.com", hello, "b@lists.example.com", 1},
		{"to the owner", "anne@example.com", hello, "a-owner@lists.example.com", 1},
		{"another post", "anne@example.com", other, "a@lists.example.com", 1},
		{"an answer of a machine", "anne@example.com", "Auto-Submitted: auto-replied\r\n" + strings.Replace(hello, "<1@", "<3@", 1), "a@lists.example.com", 0},
		{"a bounce", "", "Content-Type: multipart/report; boundary=x\r\n" + strings.Replace(hello, "<1@", "<4@", 1), "a@lists.example.com", 0},
		{"an answer of Exchange", "anne@example.com", "Auto-Submitted: auto-generated\r\n" + strings.Replace(strings.Replace(hello, "<1@", "<6@", 1), "Subject: ", "Subject: Automatic reply: ", 1), "a@lists.example.com", 0},
		{"a person who jokes", "anne@example.com", strings.Replace(strings.Replace(hello, "<1@", "<7@", 1), "Subject: ", "Subject: Automatic reply: ", 1), "a@lists.example.com", 1},
		{"a bounce in its own words", "", "From: MAILER-DAEMON@mx.example.net\r\nSubject: failure notice\r\nMessage-ID: <8@example.net>\r\n\r\nIt was not delivered:\r\n<anne@example.com>: 550 no such user\r\n", "a@lists.example.com", 0},
		{"a post without a reverse-path", "", strings.Replace(hello, "<1@", "<9@", 1), "a@lists.example.com", 1},
		{"a build server", "anne@example.com", "Auto-Submitted: auto-generated\r\n" + strings.Replace(hello, "<1@", "<5@", 1), "a@lists.example.com", 1},
	} {
		h.sent, known = nil, nil
		if replies := h.post(c.from, c.content, c.to); replies[0] != accepted {
			t.Errorf("%s: %s", c.name, replies)
		}
		if h.settle(); len(h.sent) != c.copies {
			t.Errorf("%s: %d copies, want %d", c.name, len(h.sent), c.copies)
		}
		if changed := strings.Contains(c.name, "same"); changed != (len(known) == 1 && known[0] != 0) {
			t.Errorf("%s: handlers know of %v", c.name, known)
		}
	}
}

// Mail for the gateway's own postmaster goes to the owner of the site, and ends
// where it comes back.
func TestPostmaster(t *testing.T) {
	h := newHouse(t)
	for _, path := range []gateway.ForwardPath{"postmaster@gw.example.com", "PostMaster@GW.example.com"} {
		if replies := h.post("anne@example.com", hello+string(path), path); !strings.HasPrefix(replies[0], "250") {
			t.Fatalf("%s: %s", path, replies[0])
		}
	}
	h.settle()
	if len(h.sent) != 2 {
		t.Fatalf("%d copies", len(h.sent))
	}
	c := h.sent[0]
	if len(c.to) != 1 || c.to[0] != string(h.intake.Site.Owner) || c.from != "anne@example.com" {
		t.Errorf("from %s to %v", c.from, c.to)
	}
	if replies := h.post("anne@example.com", c.content, "postmaster@gw.example.com"); replies[0] != errLoop.Reply() {
		t.Errorf("the copy that comes back: %s", replies[0])
	}
	if replies := h.post("anne@example.com", hello, "hostmaster@gw.example.com"); !strings.Contains(replies[0], "550 5.1.1") {
		t.Errorf("somebody else: %s", replies[0])
	}
}
