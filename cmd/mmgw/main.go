// Command mmgw is a mailing-list gateway, and the tool to operate it. A subcommand
// reads its flags, calls a package, and prints the result.
//
// Exit codes: 0; 1 differences or findings; 64 usage, 65 bad input, 69
// unavailable, 73 the state directory is unusable, 75 try later, 78 bad
// configuration; 100 and 111 only for qmail-lmtp.
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

// run runs the command of the command line, and returns the exit code.
func run(ctx context.Context, args []string) int {
	root := newRoot()
	root.SetArgs(args)
	out := &output{file: os.Stdout}
	root.SetOut(out)
	c, err := root.ExecuteContextC(ctx)
	if failed := out.failed.Load(); err == nil && failed != nil && printsResult(c.Name()) {
		err = *failed
	}
	code := exitCode(root.ErrOrStderr(), err)
	if c.Name() == qmailName && code != 0 && code != qmailRefused {
		code = qmailTryLater
	}
	return code
}

// printsResult says whether a command is run for what it prints. For others that is news
// of work which counts as done, whether or not somebody reads it.
func printsResult(command string) bool { return command != qmailName && command != serveName }
