package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/mmgw/mmgw/gateway/admin"
	"github.com/mmgw/mmgw/gateway/config"
	"github.com/mmgw/mmgw/gateway/store"
)

// silent is the error of a command that has already printed why it fails: only the exit
// code is left.
type silent int

func (s silent) Error() string { return fmt.Sprintf("exit %d", int(s)) }

// exitCode prints err, unless that is silent, and returns its exit code.
func exitCode(stderr io.Writer, err error) int {
	var told silent
	var problems config.Problems
	switch {
	case err == nil:
		return 0
	case errors.As(err, &told):
		return int(told)
	case errors.As(err, &problems):
		fmt.Fprintln(stderr, problems.Error())
		return admin.ExitConfig
	case errors.Is(err, store.ErrInUse):
		err = &admin.Error{Exit: admin.ExitTryLater, Text: err.Error()}
	}
	e := admin.AsError(err)
	fmt.Fprintln(stderr, "mmgw:", e.Text)
	return e.Exit
}

// failure is an error that ends the command with an exit code.
func failure(exit int, format string, args ...any) error {
	return &admin.Error{Exit: exit, Text: fmt.Sprintf(format, args...)}
}
