package pipeline

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/quotedprintable"
	"net/mail"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/roster"
)

// letter is a message of a person.
func letter(from, subject, text string) string {
	return "From: " + from + "\r\nSubject: " + subject + "\r\nMessage-ID: <" + subject + "@example.com>\r\n\r\n" + text + "\r\n"
}

// answers delivers all that is due and returns what was sent meanwhile: to
// whom, and with which subject.
func (h *house) answers() (summaries []string) {
	h.t.Helper()
	h.sent = nil
	h.settle()
	for _, c := range h.sent {
		m := parsed(h.t, c)
		subject, _ := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
		summaries = append(summaries, c.to[0]+": "+subject)
	}
	return summaries
}

func parsed(t *testing.T, c copyOf) *mail.Message {
	t.Helper()
	m, err := mail.ReadMessage(strings.NewReader(c.content))
	if err != nil {
		t.Fatalf("%v: %q", err, c.content)
	}
	return m
}

func textOf(t *testing.T, c copyOf) string {
	t.Helper()
	text, err := io.ReadAll(quotedprintable.NewReader(parsed(t, c).Body))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// replyTo is where a reply to a copy goes.
func replyTo(t *testing.T, c copyOf) gateway.ForwardPath {
	t.Helper()
	from, err := mail.ParseAddress(parsed(t, c).Header.Get("From"))
	if err != nil {
		t.Fatal(err)
	}
	return gateway.ForwardPath(from.Address)
}

func want(t *testing.T, got []string, want ...string) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%q, want %q", got, want)
	}
	for i := range got {
		if prefix, cut := strings.CutSuffix(want[i], "*"); cut && !strings.HasPrefix(got[i], prefix) || !cut && got[i] != want[i] {
			t.Fatalf("%q, want %q", got, want)
		}
	}
}

// A person joins by mail, posts, and leaves.
func TestJoinAndLeave(t *testing.T) {
	h := newHouse(t, devList("bart@example.org"))
	h.post("anne@example.com", letter("Anne <Anne@example.com>", "x", ""), "dev-join@lists.example.com")
	want(t, h.answers(), "Anne@example.com: confirm *")
	asked := h.sent[0]
	if asked.from != "" || parsed(t, asked).Header.Get("Auto-Submitted") != "auto-replied" || parsed(t, asked).Header.Get("In-Reply-To") != "<x@example.com>" {
		t.Errorf("from <%s>: %s", asked.from, asked.content)
	}
	if role, err := h.roster.Role("dev.lists.example.com", "anne@example.com"); err != nil || role != roster.RoleNone {
		t.Fatalf("a member before it confirms: %s, %v", role, err)
	}
	confirm := replyTo(t, asked)
	h.post("anne@example.com", letter("anne@example.com", "Automatic reply: "+parsed(t, asked).Header.Get("Subject"), "I am away."), confirm)
	want(t, h.answers()) // a machine that marks its notes nowhere else agrees to nothing
	h.post("anne@example.com", letter("anne@example.com", "Re: "+parsed(t, asked).Header.Get("Subject"), "> quoted"), confirm)
	want(t, h.answers(), "Anne@example.com: Welcome to dev@lists.example.com")
	member, err := h.roster.Member("dev.lists.example.com", "anne@example.com")
	if err != nil || member.Path != "Anne@example.com" || member.Name != "Anne" {
		t.Errorf("%+v, %v", member, err)
	}

	h.post("anne@example.com", letter("anne@example.com", "again", ""), confirm)
	want(t, h.answers(), "anne@example.com: Your message to dev-request@lists.example.com")

	h.post("anne@example.com", letter("anne@example.com", "unsubscribe", "bye"), "dev-request@lists.example.com")
	want(t, h.answers(), "anne@example.com: confirm *")
	h.post("anne@example.com", letter("anne@example.com", "x", "confirm "+strings.Fields(parsed(t, h.sent[0]).Header.Get("Subject"))[1]), "dev-request@lists.example.com")
	want(t, h.answers(), "anne@example.com: You have left dev@lists.example.com")
	if role, _ := h.roster.Role("dev.lists.example.com", "anne@example.com"); role != roster.RoleNone {
		t.Error("still a member")
	}
	h.post("anne@example.com", letter("anne@example.com", "x", ""), "dev-subscribe@lists.example.com")
	want(t, h.answers(), "anne@example.com: confirm *") // who confirmed may ask again the same day
	if h.spooled() != 0 {
		t.Errorf("%d legs are left", h.spooled())
	}
}

// Whose delivery was ended by hand is told so, and no more.
func TestJoinOfDisabled(t *testing.T) {
	h := newHouse(t, devList("bart@example.org"))
	if err := h.roster.DisableMember("dev.lists.example.com", "bart@example.org"); err != nil {
		t.Fatal(err)
	}
	h.post("bart@example.org", letter("bart@example.org", "x", ""), "dev-join@lists.example.com")
	want(t, h.answers(), "bart@example.org: Your message to *")
	if text := textOf(t, h.sent[0]); !strings.Contains(text, "member already, but gets no posts") {
		t.Error(text)
	}
	if row, err := h.roster.Member("dev.lists.example.com", "bart@example.org"); err != nil || !row.Disabled {
		t.Errorf("%+v, %v", row, err)
	}
}

func TestModeratedJoin(t *testing.T) {
	list := devList()
	list.List.Subscribe = gateway.SubscribeModerated
	list.List.Moderators = []gateway.ForwardPath{"mo@example.com", "Owner@example.com"}
	h := newHouse(t, list)
	join := func(who string) (asked copyOf) {
		h.post(gateway.ReversePath(who), letter(who, "x", ""), "dev-join@lists.example.com")
		h.answers()
		h.post(gateway.ReversePath(who), letter(who, "x", ""), replyTo(t, h.sent[0]))
		want(t, h.answers(), "mo@example.com: confirm *", "Owner@example.com: confirm *", who+": Your message to *")
		return h.sent[0]
	}
	asked := join("anne@example.com")
	h.post("mo@example.com", letter("mo@example.com", "Re: x", ""), replyTo(t, asked))
	want(t, h.answers(), "anne@example.com: Welcome *", "mo@example.com: Your message to *")

	asked = join("eve@example.net")
	_, refusal, _ := strings.Cut(textOf(t, asked), "To refuse it, write to\r\n  ")
	refusal, _, _ = strings.Cut(refusal, "\r\n")
	h.post("postmaster@example.com", letter("postmaster@example.com", "x", ""), gateway.ForwardPath(refusal)) // a moderator's word counts from wherever it comes
	want(t, h.answers())
	h.post("mo@example.com", letter("mo@example.com", "Re: x", ""), replyTo(t, asked)) // too late
	h.answers()
	if role, _ := h.roster.Role("dev.lists.example.com", "eve@example.net"); role != roster.RoleNone {
		t.Error("who was refused is a member")
	}
}

// Who wrote a post that is held is told once, and no machine is.
func TestAuthorsAreToldOfHeldPosts(t *testing.T) {
	list := devList("bart@example.org")
	list.List.Posting = gateway.PostingModerated
	h := newHouse(t, list)
	post := func(from gateway.ReversePath, text string, whom ...string) {
		t.Helper()
		h.post(from, text, "dev@lists.example.com")
		want(t, h.answers(), append(whom, "owner@example.com: confirm *")...)
	}
	post("bart@example.org", letter("bart@example.org", "one", ""), "bart@example.org: Your post to dev@lists.example.com waits for a moderator")
	if told := h.sent[0]; told.from != "" || !strings.Contains(told.content, "Auto-Submitted: auto-replied") || !strings.Contains(told.content, "the list is moderated") {
		t.Errorf("the author is told %+v", told)
	}
	post("bart@example.org", letter("bart@example.org", "two", ""))
	post("eve@example.net", "Precedence: bulk\r\n"+letter("eve@example.net", "three", ""))
	post("eve@example.net", letter("anne@example.com", "four", ""))

	list.List.QuietHold = true
	h = newHouse(t, list)
	post("bart@example.org", letter("bart@example.org", "five", ""))
}

func TestHeldPosts(t *testing.T) {
	list := devList("bart@example.org")
	list.List.Posting, list.List.QuietHold = gateway.PostingModerated, true
	h := newHouse(t, list)
	post := func(subject string) copyOf {
		h.post("bart@example.org", letter("bart@example.org", subject, "text of "+subject), "dev@lists.example.com")
		want(t, h.answers(), "owner@example.com: confirm *")
		return h.sent[0]
	}
	told := post("=?utf-8?q?Gr=C3=BC=C3=9Fe?=")
	for _, text := range []string{"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n", "text of ", "reason    held by handler posting: the list is moderated\r\n", "subject   Gr=C3=BC=C3=9Fe\r\n", "message/rfc822"} {
		if !strings.Contains(told.content, text) {
			t.Errorf("the moderator does not see %q: %s", text, told.content)
		}
	}
	h.post("owner@example.com", letter("owner@example.com", "Re: x", ""), replyTo(t, told))
	want(t, h.answers(), "bart@example.org: Grüße", "owner@example.com: Your message *")

	told = post("two")
	_, drop, _ := strings.Cut(told.content, "To discard it, write to\r\n  ")
	drop, _, _ = strings.Cut(drop, "\r\n")
	h.post("owner@example.com", letter("owner@example.com", "x", ""), gateway.ForwardPath(drop))
	want(t, h.answers(), "owner@example.com: Your message *") // to each ruling of the day
	if !strings.Contains(h.sent[0].content, "the post is thrown away") {
		t.Errorf("the moderator is told %s", h.sent[0].content)
	}
	if h.spooled() != 0 {
		t.Errorf("%d legs are left", h.spooled())
	}
	h.post("owner@example.com", letter("owner@example.com", "Re: x", ""), replyTo(t, told))
	want(t, h.answers())
}

func TestHeldPostsExpire(t *testing.T) {
	list := devList("bart@example.org")
	list.List.Posting, list.List.QuietHold = gateway.PostingModerated, true
	h := newHouse(t, list)
	h.post("bart@example.org", letter("bart@example.org", "one", ""), "dev@lists.example.com")
	h.post("bart@example.org", letter("bart@example.org", "two", ""), "dev@lists.example.com")
	want(t, h.answers(), "owner@example.com: confirm *", "owner@example.com: confirm *")
	approve := replyTo(t, h.sent[1])
	for row := range h.spool.List() { // the first is the operator's from now on
		if _, err := h.spool.Release(row.ID, time.Now()); err != nil {
			t.Fatal(err)
		}
		if err := h.spool.Hold(row.ID, ByOperator); err != nil {
			t.Fatal(err)
		}
		break
	}
	end := time.Now().Add(h.held.For)
	if n, err := h.held.Expire(end.Add(-time.Minute)); n != 0 || err != nil {
		t.Errorf("before their time: %d, %v", n, err)
	}
	if n, err := h.held.Expire(end.Add(time.Minute)); n != 1 || err != nil || h.spooled() != 1 {
		t.Errorf("%d expired, %v; %d are left", n, err, h.spooled())
	}
	h.post("owner@example.com", letter("owner@example.com", "Re: x", ""), approve)
	want(t, h.answers(), "owner@example.com: Your message *")
}

// Machines, loops and floods get silence.
func TestSilence(t *testing.T) {
	h := newHouse(t, devList("bart@example.org"), openList("other", nil))
	services := []gateway.ForwardPath{"dev-join@lists.example.com", "dev-leave@lists.example.com", "dev-request@lists.example.com", "dev-confirm@lists.example.com", "dev-confirm+abc@lists.example.com"}
	for i, service := range services {
		for j, c := range []struct{ from, author, field string }{
			{"", "bart@example.org", "X-A: b"},
			{"bart@example.org", "bart@example.org", "Auto-Submitted: auto-replied"},
			{"bart@example.org", "bart@example.org", "Precedence: bulk"},
			{"bart@example.org", "bart@example.org", "List-Id: <x.example.com>"},
			{"mailer-daemon@example.org", "mailer-daemon@example.org", "X-A: b"},
			{"bart@example.org", "other@lists.example.com", "X-A: b"},
			{"bart@example.org", "other-join@lists.example.com", "X-A: b"},
			{"bart@example.org", "a@example.org, b@example.org", "X-A: b"},
		} {
			content := c.field + "\r\n" + letter(c.author, fmt.Sprintf("join %d %d", i, j), "join\r\nleave\r\nhelp\r\nconfirm abc")
			h.post(gateway.ReversePath(c.from), content, service)
		}
	}
	want(t, h.answers())
	for range 3 {
		for _, service := range services {
			h.post("bart@example.org", letter("bart@example.org", "x", "help\r\nxyzzy"), service)
		}
	}
	got := h.answers()
	slices.Sort(got)
	want(t, got, "bart@example.org: The mailing list dev@lists.example.com", "bart@example.org: Your message to *", "bart@example.org: confirm *")
}

// Somebody who subscribes an address everywhere gets ten messages sent to it.
func TestSubscriptionFlood(t *testing.T) {
	var lists []roster.FileList
	for i := range 30 {
		lists = append(lists, openList(fmt.Sprintf("l%d", i), nil))
	}
	h := newHouse(t, lists...)
	for i := range lists {
		h.post("eve@example.net", letter("victim@example.com", "x", ""), lists[i].List.ServiceAddress("-join"))
	}
	if got := h.answers(); len(got) != answersPerAddress {
		t.Errorf("%d messages", len(got))
	}
}

// Somebody who subscribes everyone to a list uses it up for the day, and no
// other list.
func TestSubscriptionFloodOfOneList(t *testing.T) {
	h := newHouse(t, devList(), openList("other", nil))
	for i := range answersPerList + 3 {
		victim := fmt.Sprintf("victim%d@example.com", i)
		h.post(gateway.ReversePath(victim), letter(victim, "x", ""), "dev-join@lists.example.com")
	}
	if got := h.answers(); len(got) != answersPerList {
		t.Errorf("%d messages", len(got))
	}
	member, confirm := h.sent[0].to[0], replyTo(t, h.sent[0])
	h.post("anne@example.com", letter("anne@example.com", "x", ""), "other-join@lists.example.com")
	want(t, h.answers(), "anne@example.com: confirm *")

	// One who joins gives back what it was sent, and no more.
	h.post(gateway.ReversePath(member), letter(member, "x", ""), confirm)
	want(t, h.answers(), member+": Welcome to *")
	for i := range 3 {
		other := fmt.Sprintf("other%d@example.com", i)
		h.post(gateway.ReversePath(other), letter(other, "x", ""), "dev-join@lists.example.com")
	}
	if got := h.answers(); len(got) != 1 {
		t.Errorf("%d messages more", len(got))
	}

	// Whoever is a member may leave all the same.
	h.post(gateway.ReversePath(member), letter(member, "x", ""), "dev-leave@lists.example.com")
	want(t, h.answers(), member+": confirm *")
	h.post(gateway.ReversePath(member), letter(member, "x", ""), replyTo(t, h.sent[0]))
	want(t, h.answers(), member+": You have left *")
}

// A token serves its list and its purpose alone, and nobody can make one.
func TestTokens(t *testing.T) {
	h := newHouse(t, devList(), openList("other", nil))
	h.post("anne@example.com", letter("anne@example.com", "x", ""), "dev-join@lists.example.com")
	h.answers()
	token := strings.Fields(parsed(t, h.sent[0]).Header.Get("Subject"))[1]
	for _, forged := range []gateway.ForwardPath{
		gateway.ForwardPath("other-confirm+" + token + "@lists.example.com"),
		gateway.ForwardPath("dev-confirm+" + strings.Repeat("a", len(token)) + "@lists.example.com"),
		gateway.ForwardPath("dev-confirm+" + token[:len(token)-1] + "@lists.example.com"),
	} {
		h.post("anne@example.com", letter("anne@example.com", "x", ""), forged)
		h.answers()
		for _, id := range []gateway.ListID{"dev.lists.example.com", "other.lists.example.com"} {
			if role, _ := h.roster.Role(id, "anne@example.com"); role != roster.RoleNone {
				t.Errorf("%s makes a member of %s", forged, id)
			}
		}
	}
	h.post("anne@example.com", letter("anne@example.com", "x", ""), gateway.ForwardPath("DEV-confirm+"+strings.ToUpper(token)+"@lists.example.com"))
	if want(t, h.answers(), "anne@example.com: Welcome *"); len(h.sent) != 1 {
		t.Error("the real one does nothing")
	}
}

// The name of a list can be so long that no address holds a token.
func TestLongNames(t *testing.T) {
	h := newHouse(t, openList(strings.Repeat("long", 12), nil))
	list := gateway.ForwardPath(strings.Repeat("long", 12))
	h.post("anne@example.com", letter("anne@example.com", "x", ""), list+"-join@lists.example.com")
	want(t, h.answers(), "anne@example.com: confirm *")
	asked := h.sent[0]
	if to := replyTo(t, asked); to != list+"-request@lists.example.com" {
		t.Errorf("a reply goes to %s", to)
	}
	h.post("anne@example.com", letter("anne@example.com", "Re: "+parsed(t, asked).Header.Get("Subject"), "yes, please"), replyTo(t, asked))
	want(t, h.answers(), "anne@example.com: Welcome *")
}

// A token that another list made is worth nothing, and the log has the reason.
func TestTokenOfAnotherList(t *testing.T) {
	h := newHouse(t, devList())
	now := time.Now()
	tokens, err := h.held.Confirmations.ask(now, roster.Pending{List: "dev.lists.example.com", Expires: now.Add(time.Hour)}, toJoin)
	if err != nil {
		t.Fatal(err)
	}
	_, err = h.held.Confirmations.look("other.lists.example.com", tokens[0], now)
	if !errors.Is(err, roster.ErrNotPending) || !strings.HasSuffix(err.Error(), "it is a token of dev.lists.example.com") {
		t.Error(err)
	}
}
