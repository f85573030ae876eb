// Command mmgw is the gateway, and the tool of its operator. Each subcommand
// is flags, a call of a package, and what is printed of the result.
//
// Exit codes: 0; 1 differences or findings; 64 usage, 65 bad input, 69
// unavailable, 73 the state directory is unusable, 75 try later, 78 bad
// configuration; 100 and 111 for qmail-lmtp alone.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

// run does what the command line says and returns the exit code.
func run(ctx context.Context, args []string) int {
	root := newRoot()
	root.SetArgs(args)
	c, err := root.ExecuteContextC(ctx)
	code := exitCode(root.ErrOrStderr(), err)
	if c.Name() == qmailName && code != 0 && code != qmailRefused {
		code = qmailTryLater
	}
	return code
}
