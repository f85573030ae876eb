package check

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"github.com/mmgw/mmgw/gateway"
)

// outputBytesMax bounds what is kept of what a program prints: all settings of
// Postfix are 60 kB.
const outputBytesMax = 1 << 20

// run runs a program and returns its standard output. An error has what it
// printed elsewhere, in one printable line. A program that was stopped at the
// Timeout is not an *exec.ExitError: it has not answered.
func run(ctx context.Context, command []string, args ...string) (string, error) {
	return runWith(ctx, "", command, args...)
}

// runWith is run with a standard input.
func runWith(ctx context.Context, input string, command []string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	c := exec.CommandContext(ctx, command[0], append(append([]string{}, command[1:]...), args...)...)
	c.WaitDelay = time.Second
	c.Stdin = strings.NewReader(input)
	var out, said limited
	c.Stdout, c.Stderr = &out, &said
	err := c.Run()
	if err != nil && ctx.Err() != nil {
		return out.String(), fmt.Errorf("%s: no answer: %w", command[0], ctx.Err())
	}
	if text := strings.Join(strings.Fields(said.String()), " "); err != nil && text != "" {
		err = fmt.Errorf("%s: %w: %s", command[0], err, gateway.Printable(text))
	}
	return out.String(), err
}

// limited keeps the beginning of what is written to it.
type limited struct{ bytes.Buffer }

func (l *limited) Write(p []byte) (int, error) {
	if room := outputBytesMax - l.Len(); room > 0 {
		l.Buffer.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}
