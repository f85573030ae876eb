package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"sync"

	"github.com/spf13/cobra"

	"github.com/mmgw/mmgw/gateway/admin"
	"github.com/mmgw/mmgw/gateway/probe"
)

// sinking is what sink has to do.
type sinking struct {
	listen  string
	log     string
	dir     string
	replies []string
}

func sinkCommand() *cobra.Command {
	var s sinking
	c := &cobra.Command{
		Use: "sink", Short: "Run an SMTP server that takes everything, or fails as told", Args: cobra.NoArgs,
		Long: "Takes every message by SMTP and logs one JSON object for each transaction. The first line of\n" +
			"its output says where it listens. It ends on SIGTERM or SIGINT.",
		Example: "  mmgw sink --listen 127.0.0.1:2525 --reply 'RCPT @example\\.org$=451 4.7.1 greylisted'",
		RunE: func(c *cobra.Command, _ []string) error {
			var rules []probe.Rule
			for _, text := range s.replies {
				rule, err := probe.ParseRule(text)
				if err != nil {
					return usageError(c, "--reply: "+err.Error())
				}
				rules = append(rules, rule)
			}
			return s.run(c, rules)
		},
	}
	c.Flags().StringVar(&s.listen, "listen", "127.0.0.1:2525", "`address` to listen on; port 0 is a free one")
	c.Flags().StringVar(&s.log, "log", "", "append the log to this `file` (default standard output)")
	c.Flags().StringVar(&s.dir, "dir", "", "keep the messages in this `directory`, a file each")
	c.Flags().StringArrayVar(&s.replies, "reply", nil, "fail where `'VERB regexp=code text'` matches; VERB is MAIL, RCPT or DATA; may be given again")
	return c
}

// run serves until the context of the command ends. It prints where it listens, once it
// does, so that a script can wait for that line.
func (s *sinking) run(c *cobra.Command, rules []probe.Rule) error {
	log := c.OutOrStdout()
	if s.log != "" {
		file, err := os.OpenFile(s.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			return failure(admin.ExitCantCreate, "%v", err)
		}
		defer file.Close()
		log = file
	}
	if s.dir != "" {
		if err := os.MkdirAll(s.dir, 0o700); err != nil {
			return failure(admin.ExitCantCreate, "%v", err)
		}
	}
	listener, err := net.Listen("tcp", s.listen)
	if err != nil {
		return failure(admin.ExitUnavailable, "%v", err)
	}
	fmt.Fprintln(c.OutOrStdout(), "listening smtp tcp", listener.Addr())
	book := &sinkBook{log: json.NewEncoder(log), dir: s.dir, stderr: c.ErrOrStderr()}
	sink := &probe.Sink{Rules: rules, Record: book.record, KeepContent: s.dir != ""}
	defer context.AfterFunc(c.Context(), func() { sink.Close() })()
	if err := sink.Serve(listener); err != nil {
		return failure(admin.ExitUnavailable, "%v", err)
	}
	return sink.Close()
}

// sinkBook records the transactions of a sink.
type sinkBook struct {
	dir    string
	stderr io.Writer

	mu  sync.Mutex
	log *json.Encoder
	n   int // of the last file
}

// record stores the content of a transaction, if asked to, and then logs it.
func (b *sinkBook) record(t probe.Transaction) {
	b.mu.Lock()
	defer b.mu.Unlock()
	row := struct {
		probe.Transaction
		File string `json:"file,omitempty"`
	}{Transaction: t}
	var err error
	if b.dir != "" {
		row.File, err = b.keep(t.Content)
	}
	if err = errors.Join(err, b.log.Encode(row)); err != nil {
		fmt.Fprintln(b.stderr, "mmgw:", err)
	}
}

// keep writes a content into the next file that does not exist yet: 000001.eml and so on.
func (b *sinkBook) keep(content []byte) (string, error) {
	for {
		b.n++
		path := filepath.Join(b.dir, fmt.Sprintf("%06d.eml", b.n))
		file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return "", err
		}
		_, err = file.Write(content)
		return path, errors.Join(err, file.Close())
	}
}
