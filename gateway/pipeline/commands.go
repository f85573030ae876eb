package pipeline

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"time"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/bounce"
	"github.com/mmgw/mmgw/gateway/command"
	"github.com/mmgw/mmgw/gateway/entity"
	"github.com/mmgw/mmgw/gateway/internal/charset"
	"github.com/mmgw/mmgw/gateway/notice"
	"github.com/mmgw/mmgw/gateway/roster"
)

// Commands does what people ask of a list by mail to -join, -leave, -request
// and -confirm, and answers them. Nothing is done for the mail of machines, and
// nobody joins or leaves without a word from the address itself.
type Commands struct {
	Site          Site
	Roster        *roster.Roster
	Desk          *Desk
	Confirmations *Confirmations
	Held          *Held
	Log           *slog.Logger
}

// Handle does what a message to a service of a list asks for. After an error it
// may come again: what was done then changes nothing.
func (c *Commands) Handle(ctx context.Context, m *gateway.Message, leg *gateway.Leg) error {
	list, err := c.Roster.List(leg.List)
	if err != nil {
		return err
	}
	draft, err := gateway.OpenDraft(m.Content, leg.Edits...)
	if err != nil {
		return err
	}
	t := talk{Commands: c, m: m, list: list, messageID: draft.Header.Get("Message-ID")}
	t.author.Path, t.author.Name = command.Author(draft.Header)
	if reason := t.silence(ctx, draft.Header); reason != "" {
		logger(c.Log).Info("not answered", messageAttrs(m), "list", string(list.ID), "service", string(leg.Service), "reason", reason)
		return nil
	}
	all, err := commandsOf(leg, draft)
	if err != nil {
		return err
	}
	for _, one := range all {
		if err := t.do(ctx, one); err != nil {
			return err
		}
	}
	return t.report(ctx)
}

// commandsOf reads the commands of a message: those of each address it came to.
func commandsOf(leg *gateway.Leg, draft *gateway.Draft) ([]command.Command, error) {
	subject := charset.Words(draft.Header.Get("Subject"))
	text, err := firstText(draft)
	if err != nil {
		return nil, err
	}
	if leg.Service != gateway.Confirm {
		return command.Read(leg.Service, "", subject, text), nil
	}
	var all []command.Command
	for _, detail := range leg.Details[:min(len(leg.Details), command.CommandsMax)] {
		all = append(all, command.Read(leg.Service, detail, subject, text)...)
	}
	return all, nil
}

// textBodyMax is how many octets of a body are looked at for commands.
const textBodyMax = 256 << 10

// firstText is the first plain text of a message, in UTF-8.
func firstText(draft *gateway.Draft) (string, error) {
	body := draft.Body()
	r, err := body.Open()
	if err != nil {
		return "", err
	}
	defer r.Close()
	octets := make([]byte, min(body.Size(), textBodyMax))
	if _, err := io.ReadFull(r, octets); err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	parsed := entity.Parse(draft.Header, string(octets))
	for i := range parsed.Entities {
		if e := &parsed.Entities[i]; e.Type == "text/plain" && e.Disposition != "attachment" {
			return parsed.Read(i), nil
		}
	}
	return "", nil
}

// talk is one message to a list and what it is answered.
type talk struct {
	*Commands
	m         *gateway.Message
	list      *gateway.List
	author    gateway.Recipient
	messageID string
	mute      bool     // the author is never written to; what a moderator's token says is done
	lines     []string // for the author
}

// silence says why nothing is to be done, "" if something is.
func (t *talk) silence(ctx context.Context, header gateway.Header) string {
	if reason := command.Automatic(header, t.m.Envelope.ReversePath); reason != "" {
		return reason
	}
	if bounce.IsReplySubject(header) {
		return "its subject is that of an automatic reply"
	}
	if t.author.Path == "" {
		return "it has no single author"
	}
	if _, err := t.Roster.Resolve(ctx, t.author.Path); err == nil {
		return "its author is an address of ours"
	}
	t.mute = command.Unanswerable(t.m.Envelope.ReversePath, t.author.Path) != ""
	return ""
}

func (t *talk) do(ctx context.Context, one command.Command) error {
	switch {
	case one.Verb == command.Confirm:
		return t.confirm(ctx, one.Argument)
	case t.mute:
		return nil
	case one.Verb == command.Help:
		return t.answer(ctx, notice.Notice{Name: notice.Help, From: t.list.ServiceAddress("-request")})
	case one.Verb == command.Join:
		return t.join(ctx)
	case one.Verb == command.Leave:
		return t.leave(ctx)
	}
	t.say(one.Line + ": this is not a command")
	return nil
}

func (t *talk) say(line string) { t.lines = append(t.lines, line) }

func (t *talk) join(ctx context.Context) error {
	row, err := t.Roster.Member(t.list.ID, t.author.Path)
	switch {
	case err == nil && row.Bounce.Disabled: // its reminders say that it should write here
	case err == nil && row.Disabled:
		t.say(string(t.author.Path) + " is a member already, but gets no posts: the owners of " + string(t.list.Address) + " decided so")
		return nil
	case err == nil:
		t.say(string(t.author.Path) + " is a member already")
		return nil
	case !errors.Is(err, roster.ErrUnknownMember):
		return err
	case t.list.Subscribe == gateway.SubscribeClosed:
		t.say("only the owners of " + string(t.list.Address) + " add members to it")
		return nil
	}
	return t.ask(ctx, toJoin, notice.ConfirmJoin)
}

func (t *talk) leave(ctx context.Context) error {
	_, err := t.Roster.Member(t.list.ID, t.author.Path)
	switch {
	case errors.Is(err, roster.ErrUnknownMember):
		t.say(string(t.author.Path) + " is not a member of " + string(t.list.Address))
		return nil
	case err != nil:
		return err
	}
	return t.ask(ctx, toLeave, notice.ConfirmLeave)
}

// ask sends the author a token to confirm with.
func (t *talk) ask(ctx context.Context, purpose, name string) error {
	now := time.Now()
	p := roster.Pending{List: t.list.ID, Member: t.author, Expires: now.Add(confirmWithin)}
	tokens, err := t.Confirmations.ask(now, p, purpose)
	if err != nil {
		return err
	}
	from, _ := t.Confirmations.address(t.list, tokens[0])
	n := notice.Notice{Name: name, From: from}
	n.Fields.Token, n.Fields.Reply = tokens[0], t.Confirmations.instruction(t.list, tokens[0])
	n.Fields.Expires = p.Expires.UTC().Format(notice.DateForm)
	return t.answer(ctx, n)
}

// confirm does what a token stands for, once.
func (t *talk) confirm(ctx context.Context, text string) error {
	p, err := t.Confirmations.look(t.list.ID, text, time.Now())
	moderates := opposites[p.Purpose] != ""
	switch {
	case errors.Is(err, roster.ErrNotPending):
		logger(t.Log).Info("a token that stands for nothing", messageAttrs(t.m), "list", string(t.list.ID), "reason", err)
		t.say("there is nothing to confirm with this message: it was done before, or took too long")
		return nil
	case err != nil:
		return err
	case t.mute && !moderates:
		return nil
	}
	switch p.Purpose {
	case toJoin:
		err = t.joined(ctx, p)
	case toLeave:
		err = t.left(ctx, p)
	case toAdmit:
		err = t.admit(ctx, p.Member)
		t.say(string(p.Member.Path) + " is now a member of " + string(t.list.Address))
	case toRefuse:
		t.say(string(p.Member.Path) + " does not become a member of " + string(t.list.Address))
	case toRelease:
		err = t.rule(t.Held.release, p.Message, "the post goes out")
	case toDrop:
		err = t.rule(t.Held.drop, p.Message, "the post is thrown away")
	}
	if err != nil {
		return err
	}
	logger(t.Log).Info("confirmed", messageAttrs(t.m), "list", string(t.list.ID), "what", p.Purpose, "member", string(p.Member.Path), "message", p.Message.String(), "by", string(t.author.Path))
	if moderates { // each token is worth one answer, however many posts there are to rule on in a day
		quotas := answerQuotas(t.list.ID, notice.Answer, t.author.Path)
		if err := t.Roster.GiveBack(time.Now(), quotas[:2]...); err != nil { // the author's
			return err
		}
	}
	return t.Confirmations.end(p, text)
}

// joined makes a member of who confirmed, or has the moderators asked. A member
// that bounces disabled gets posts again: nobody is asked about that.
func (t *talk) joined(ctx context.Context, p roster.Pending) error {
	row, err := t.Roster.Member(t.list.ID, p.Member.Path)
	switch {
	case err == nil && row.Bounce.Disabled:
		t.say(string(p.Member.Path) + " gets the posts of " + string(t.list.Address) + " again")
		return t.admit(ctx, p.Member)
	case err != nil && !errors.Is(err, roster.ErrUnknownMember):
		return err
	case t.list.Subscribe == gateway.SubscribeClosed:
		t.say("only the owners of " + string(t.list.Address) + " add members to it")
		return nil
	case t.list.Subscribe == gateway.SubscribeModerated:
		t.say("the moderators of " + string(t.list.Address) + " are asked; you hear of it when they let you in")
		return t.Held.askToAdmit(ctx, t.list, p.Member)
	}
	return t.admit(ctx, p.Member)
}

// admit makes a member, and greets it.
func (t *talk) admit(ctx context.Context, member gateway.Recipient) error {
	added, err := t.Roster.AddMember(t.list.ID, member)
	if err != nil || !added {
		return err
	}
	return t.greet(ctx, notice.Joined, notice.ConfirmJoin, member)
}

func (t *talk) left(ctx context.Context, p roster.Pending) error {
	err := t.Roster.RemoveMember(t.list.ID, p.Member.Path)
	if errors.Is(err, roster.ErrUnknownMember) {
		return nil
	}
	if err != nil {
		return err
	}
	return t.greet(ctx, notice.Left, notice.ConfirmLeave, p.Member)
}

// greet tells a member what became of it. It has proved that it wanted that: what it
// was asked and is told counts for nothing, and it may ask the list again before the
// day is over. What strangers were asked still counts against the list.
func (t *talk) greet(ctx context.Context, name, asked string, member gateway.Recipient) error {
	for _, kind := range []string{asked, name} {
		if err := t.Roster.GiveBack(time.Now(), answerQuotas(t.list.ID, kind, member.Path)...); err != nil {
			return err
		}
	}
	n := notice.Notice{Name: name, From: t.list.ServiceAddress("-owner")}
	n.Fields.Address = string(member.Path)
	return t.Desk.send(ctx, t.list, n, answerQuotas(t.list.ID, name, member.Path), member.Path)
}

// rule has the moderator's word take effect on a held post.
func (t *talk) rule(effect func(gateway.QueueID, gateway.ListID) (bool, error), id gateway.QueueID, line string) error {
	found, err := effect(id, t.list.ID)
	if !found {
		line = "the post does not wait any more"
	}
	t.say(line)
	return err
}

// report tells the author what became of what was not answered by itself.
func (t *talk) report(ctx context.Context) error {
	if len(t.lines) == 0 {
		return nil
	}
	n := notice.Notice{Name: notice.Answer, From: t.list.ServiceAddress("-request")}
	n.Fields.Lines = t.lines
	return t.answer(ctx, n)
}

// answer writes to the author, unless nobody may.
func (t *talk) answer(ctx context.Context, n notice.Notice) error {
	if t.mute {
		return nil
	}
	n.InReplyTo, n.Fields.Address = t.messageID, string(t.author.Path)
	return t.Desk.send(ctx, t.list, n, answerQuotas(t.list.ID, n.Name, t.author.Path), t.author.Path)
}
