package demo

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/probe"
	"github.com/mmgw/mmgw/gateway/server"
	"github.com/mmgw/mmgw/testdata"
)

// act is one message that the demo sends, and what should become of it.
type act struct {
	message string // of testdata
	from    gateway.ReversePath
	to      gateway.ForwardPath
	why     string
	class   gateway.Class // of the reply
	copies  func(members int) int
}

var (
	none    = func(int) int { return 0 }
	owners  = func(int) int { return 2 }
	members = func(n int) int { return n }
)

var acts = []act{
	{"release", "anne@example.com", "announce@lists.example.com", "a post in UTF-8", gateway.Success, members},
	{"japanese", "anne@example.com", "announce@lists.example.com", "a post in ISO-2022-JP", gateway.Success, members},
	{"question", "bart@example.org", "announce-owner@lists.example.com", "a question to the owners", gateway.Success, owners},
	{"gtube", "anne@example.com", "announce@lists.example.com", "spam, which a handler refuses", gateway.Permanent, none},
	{"invitation", "anne@example.com", "lab@lists.example.com", "a list with a handler that never ends", gateway.Transient, none},
	{"release", "anne@example.com", "nobody@lists.example.com", "no such list", gateway.Permanent, none},
}

// perform sends every act and collects what came of them.
func (s *stage) perform(ctx context.Context, gw *server.Server) (*Result, error) {
	client, err := probe.Dial(ctx, s.lmtp)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	r := &Result{Members: s.options.Members, LMTP: s.lmtp, SMTP: s.sink.address()}
	begun := time.Now()
	for _, a := range acts {
		if err := s.send(ctx, client, a, r); err != nil {
			return nil, err
		}
	}
	err = s.sink.wait(ctx, r.Expected, deliveryTimeout)
	r.Seconds = time.Since(begun).Seconds()
	s.collect(ctx, gw, r)
	if err == nil && r.Delivered != r.Expected {
		err = fmt.Errorf("%d copies arrived, %d were expected", r.Delivered, r.Expected)
	}
	return r, errors.Join(err, r.check())
}

func (s *stage) send(ctx context.Context, client *probe.Client, a act, r *Result) error {
	content, err := testdata.Message(a.message)
	if err != nil {
		return err
	}
	begun := time.Now()
	replies, err := client.Send(ctx, a.from, []gateway.ForwardPath{a.to}, content)
	if err != nil {
		return fmt.Errorf("send %s to %s: %w", a.message, a.to, err)
	}
	status := replies[0].Status
	if status.Class() == gateway.Success {
		r.Accepted++
	}
	r.Expected += a.copies(s.options.Members)
	r.Messages = append(r.Messages, Message{
		File: a.message + ".eml", From: string(a.from), To: string(a.to), About: a.why, Reply: status.Reply(),
		Milliseconds: float64(time.Since(begun).Microseconds()) / 1000, asExpected: status.Class() == a.class,
	})
	return nil
}

// collect reads the copies, the accounts of the handlers and the MTA's files.
func (s *stage) collect(ctx context.Context, gw *server.Server, r *Result) {
	for _, t := range s.sink.transactions() {
		r.Delivered += len(t.Rcpts)
		r.Copies = append(r.Copies, Copy{MailFrom: t.MailFrom, To: strings.Join(t.Rcpts, " "), Subject: subjectOf(t.Content), Size: t.Size})
	}
	for _, m := range gw.Modules() {
		if m.Stats.Calls > 0 {
			r.Handlers = append(r.Handlers, Handler{
				Name: m.Name, Calls: m.Stats.Calls, Stopped: m.Stats.Traps,
				Us: m.Stats.Time.Microseconds() / m.Stats.Calls, Fuel: m.Stats.Fuel / m.Stats.Calls,
			})
		}
	}
	files, err := gw.MTAFiles(ctx)
	if err != nil {
		r.faults = append(r.faults, err)
	}
	for _, file := range files {
		r.Files = append(r.Files, File{Name: file.Path, Text: string(file.Data)})
	}
}

func subjectOf(content []byte) string {
	draft, err := gateway.OpenDraft(gateway.Bytes(content))
	if err != nil {
		return ""
	}
	return draft.Header.Get("Subject")
}
