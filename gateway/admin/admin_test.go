package admin_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/admin"
)

type greeting struct {
	Name string `json:"name"`
}

// operations are one for each way in which an operation can end.
func operations(entered chan struct{}) admin.Operations {
	return admin.Operations{
		"greet": admin.On(func(_ context.Context, g greeting) (any, error) { return greeting{"hello " + g.Name}, nil }),
		"refuse": func(context.Context, json.RawMessage) (any, error) {
			return nil, &admin.Error{Exit: admin.ExitFindings, Text: "no"}
		},
		"missing": func(context.Context, json.RawMessage) (any, error) {
			return nil, fmt.Errorf("list x: %w", gateway.ErrUnknownList)
		},
		"fault":  func(context.Context, json.RawMessage) (any, error) { return nil, errors.New("disk\non fire") },
		"broken": func(context.Context, json.RawMessage) (any, error) { return func() {}, nil },
		"linger": func(ctx context.Context, _ json.RawMessage) (any, error) {
			entered <- struct{}{}
			select {
			case <-entered:
				return greeting{"at last"}, nil
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		},
	}
}

// serve serves operations on a socket of its own until ctx ends. The channel
// tells what Serve returned.
func serve(t *testing.T, ctx context.Context, ops admin.Operations) (*admin.Client, <-chan error) {
	t.Helper()
	dir, err := os.MkdirTemp("", "mmgw") // t.TempDir is too long a name for a socket on some systems
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	socket := filepath.Join(dir, "admin.sock")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- admin.Serve(ctx, listener, admin.Handler(ops)) }()
	return &admin.Client{Socket: socket}, ended
}

// TestCall holds for both ways: what a command gets does not depend on
// whether the gateway runs.
func TestCall(t *testing.T) {
	ops := operations(nil)
	client, _ := serve(t, t.Context(), ops)
	for way, call := range map[string]func(context.Context, string, any, any) error{"socket": client.Call, "process": ops.Call} {
		for _, c := range []struct {
			name string
			args any
			want string // the greeting, or the error
			exit int
		}{
			{"greet", greeting{"anne"}, "hello anne", 0},
			{"greet", map[string]int{"nmae": 1}, `arguments: json: unknown field "nmae"`, admin.ExitUsage},
			{"greet", "anne", "arguments: json: cannot unmarshal", admin.ExitUsage},
			{"refuse", nil, "no", admin.ExitFindings},
			{"missing", nil, "list x: no such list", admin.ExitData},
			{"fault", nil, "disk?on fire", admin.ExitTryLater},
			{"nothing", nil, `this gateway has no operation "nothing"`, admin.ExitUsage},
		} {
			var got greeting
			err := call(context.Background(), c.name, c.args, &got)
			text, exit := got.Name, 0
			if err != nil {
				text, exit = err.Error(), admin.AsError(err).Exit
			}
			if !strings.HasPrefix(text, c.want) || exit != c.exit {
				t.Errorf("%s %s: got %q, exit %d", way, c.name, text, exit)
			}
		}
		if err := call(context.Background(), "broken", nil, nil); err == nil {
			t.Errorf("%s: a result that is no JSON passes", way)
		}
		if err := call(context.Background(), "greet", greeting{"x"}, new(int)); err == nil {
			t.Errorf("%s: a result of another type passes", way)
		}
	}
}

func TestArgumentsAreBounded(t *testing.T) {
	client, _ := serve(t, t.Context(), operations(nil))
	err := client.Call(context.Background(), "greet", greeting{strings.Repeat("x", admin.ArgumentBytesMax)}, nil)
	if err == nil || admin.AsError(err).Exit != admin.ExitUsage {
		t.Errorf("got %v", err)
	}
}

func TestNobodyListens(t *testing.T) {
	client := &admin.Client{Socket: filepath.Join(t.TempDir(), "admin.sock")}
	if err := client.Call(context.Background(), "greet", nil, nil); !errors.Is(err, admin.ErrNotRunning) {
		t.Errorf("without a socket: %v", err)
	}
}

// TestServeEnds: an operation in progress is waited for, and no call follows.
func TestServeEnds(t *testing.T) {
	entered := make(chan struct{})
	ctx, cancel := context.WithCancel(context.Background())
	client, ended := serve(t, ctx, operations(entered))
	called := make(chan error, 1)
	var got greeting
	go func() { called <- client.Call(context.Background(), "linger", nil, &got) }()
	<-entered
	cancel()
	entered <- struct{}{}
	if err := <-called; err != nil || got.Name != "at last" {
		t.Errorf("Call: got %q, %v", got.Name, err)
	}
	if err := <-ended; err != nil {
		t.Errorf("Serve: %v", err)
	}
	if err := client.Call(context.Background(), "greet", nil, nil); !errors.Is(err, admin.ErrNotRunning) {
		t.Errorf("after the end: %v", err)
	}
}

// crowd is a listener at which somebody comes whenever it accepts.
type crowd struct {
	accepted atomic.Int32
	closed   chan struct{}
}

func (c *crowd) Accept() (net.Conn, error) {
	select {
	case <-c.closed:
		return nil, net.ErrClosed
	default:
	}
	c.accepted.Add(1)
	here, _ := net.Pipe()
	return here, nil
}

func (c *crowd) Close() error {
	close(c.closed)
	return nil
}

func (*crowd) Addr() net.Addr { return &net.UnixAddr{} }

// Whoever comes and says nothing costs no more than some descriptors, for a while.
func TestConnectionsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &crowd{closed: make(chan struct{})}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- admin.Serve(ctx, c, admin.Handler(nil)) }()
		synctest.Wait()
		if n := c.accepted.Load(); n != 65 { // one waits to be served
			t.Errorf("%d connections are open", n)
		}
		time.Sleep(time.Minute)
		if n := c.accepted.Load(); n <= 65 {
			t.Error("who says nothing keeps others out")
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func TestAsError(t *testing.T) {
	_, badPath := gateway.ParseForwardPath("anne")
	for _, c := range []struct {
		err  error
		exit int
	}{
		{badPath, admin.ExitData},
		{gateway.ErrNotSpooled, admin.ExitData},
		{gateway.ErrUnknownRecipient, admin.ExitData},
		{gateway.Deferred(errors.New("full")), admin.ExitTryLater},
		{context.Canceled, admin.ExitTryLater},
		{fmt.Errorf("open: %w", &admin.Error{Exit: 73, Text: "no"}), admin.ExitCantCreate},
	} {
		if got := admin.AsError(c.err).Exit; got != c.exit {
			t.Errorf("%v: exit %d, want %d", c.err, got, c.exit)
		}
	}
}

func TestHealth(t *testing.T) {
	metrics := prometheus.NewRegistry()
	metrics.MustRegister(prometheus.NewGauge(prometheus.GaugeOpts{Name: "mmgw_test", Help: "A test."}))
	full := errors.New("the disk is full")
	for _, c := range []struct {
		health admin.Health
		path   string
		code   int
		want   string
	}{
		{admin.Health{}, "/live", 200, "ok"},
		{admin.Health{}, "/ready", 200, "ok"},
		{admin.Health{}, "/metrics", 404, ""},
		{admin.Health{Metrics: metrics}, "/metrics", 200, "mmgw_test 0"},
		{admin.Health{Ready: func() error { return nil }}, "/ready", 200, "ok"},
		{admin.Health{Ready: func() error { return full }}, "/ready", 503, "the disk is full"},
		{admin.Health{Ready: func() error { return full }}, "/live", 200, "ok"},
	} {
		w := httptest.NewRecorder()
		c.health.Handler().ServeHTTP(w, httptest.NewRequest("GET", c.path, nil))
		if w.Code != c.code || !strings.Contains(w.Body.String(), c.want) {
			t.Errorf("%s: got %d %q", c.path, w.Code, w.Body)
		}
	}
}
