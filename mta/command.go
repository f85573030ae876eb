package mta

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/mmgw/mmgw/gateway"
)

const (
	// CommandTimeout is how long postmap and the reload command each may run:
	// enough for an MTA on a busy machine, and an end for one that hangs.
	CommandTimeout = 2 * time.Minute

	commandWait         = 2 * time.Second // for output of what a killed command left behind
	outputBytesMax      = 4 << 10         // of a command; the end is what tells why it failed
	shell               = "/bin/sh"
	outputLineSeparator = "; "
)

// run runs a command without a shell and without standard input. What it
// printed comes back as one printable line. At the timeout, or when ctx ends,
// it is killed with all that it started.
func run(ctx context.Context, timeout time.Duration, argv ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	var output tail
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Stdout, cmd.Stderr = &output, &output
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = commandWait
	err := cmd.Run()
	if errors.Is(err, exec.ErrWaitDelay) {
		err = nil // it succeeded; a daemon that it started keeps the output open
	}
	text := output.line()
	switch {
	case err == nil:
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		err = fmt.Errorf("%s: no end after %v", argv[0], timeout)
	case text != "":
		err = fmt.Errorf("%s: %w: %s", argv[0], err, text)
	default:
		err = fmt.Errorf("%s: %w", argv[0], err)
	}
	return text, err
}

// isMissing says that err means that there is no such program.
func isMissing(err error) bool {
	return errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission)
}

// tail keeps the last outputBytesMax octets that are written to it.
type tail []byte

func (t *tail) Write(p []byte) (int, error) {
	*t = append(*t, p...)
	if extra := len(*t) - outputBytesMax; extra > 0 {
		*t = append((*t)[:0], (*t)[extra:]...)
	}
	return len(p), nil
}

func (t tail) line() string {
	var lines []string
	for line := range strings.Lines(string(t)) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return gateway.Printable(strings.Join(lines, outputLineSeparator))
}
