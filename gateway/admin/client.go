package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"syscall"
)

// resultBytesMax bounds what a client takes as a result: the rows of some
// hundred thousand messages.
const resultBytesMax = 64 << 20

// ErrNotRunning says that no gateway listens on a socket: the file is not
// there, or was left behind.
var ErrNotRunning = errors.New("no gateway is running here")

// Client calls the operations of a gateway that runs. It is safe for
// concurrent use.
type Client struct {
	Socket string // path of the gateway's admin socket
}

// Call is Operations.Call by the socket. It fails with ErrNotRunning where nobody
// listens, and with the *Error of the operation. A gateway that does not answer is an
// *Error with ExitTryLater.
func (c *Client) Call(ctx context.Context, name string, args, result any) error {
	text, err := json.Marshal(args)
	if err != nil {
		return fmt.Errorf("arguments of %s: %w", name, err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://gateway"+pathPrefix+name, bytes.NewReader(text))
	if err != nil {
		return fmt.Errorf("call %s: %w", name, err)
	}
	transport := &http.Transport{DialContext: c.dial, DisableKeepAlives: true}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return c.unanswered(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, resultBytesMax+1))
	if err != nil {
		return c.unanswered(err)
	}
	if len(body) > resultBytesMax {
		return &Error{ExitUnavailable, fmt.Sprintf("the result of %s exceeds %d MiB; ask for less", name, resultBytesMax>>20)}
	}
	if response.StatusCode != http.StatusOK {
		return failed(response.Status, body)
	}
	return unmarshalResult(name, body, result)
}

func (c *Client) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	var dialer net.Dialer
	return dialer.DialContext(ctx, "unix", c.Socket)
}

func (c *Client) unanswered(err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR), errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("%s: %w", c.Socket, ErrNotRunning)
	case errors.Is(err, fs.ErrPermission):
		return &Error{ExitCantCreate, fmt.Sprintf("%s: permission denied; run this as the user of the gateway", c.Socket)}
	}
	return &Error{ExitTryLater, fmt.Sprintf("the gateway at %s does not answer: %v", c.Socket, err)}
}

// failed is the error of a reply that is not a result.
func failed(status string, body []byte) error {
	var f failure
	if json.Unmarshal(body, &f) != nil || f.Exit == 0 {
		return &Error{ExitUnavailable, "the gateway answered " + status}
	}
	return &Error{f.Exit, f.Error}
}
