package admin

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"time"
)

const (
	// ArgumentBytesMax bounds the arguments of one call: the largest module in
	// base64, or some hundred thousand addresses. Whoever has more calls again.
	ArgumentBytesMax = 48 << 20

	// readTimeout is how long a client may take to send a request. It is on
	// the same machine, or a monitor nearby.
	readTimeout = 10 * time.Second

	// writeTimeout is how long an answer may take, the longest of operations
	// included: who reads none of it does not keep the connection for ever.
	writeTimeout = 30 * time.Minute

	// connectionsMax are served at the same time; others wait. Each is a
	// file descriptor, of which mail needs some too.
	connectionsMax = 64

	// idleTimeout is how long a connection may wait for the next request.
	idleTimeout = time.Minute

	// drainTimeout is how long requests in progress have when serving ends.
	drainTimeout = 2 * time.Second

	pathPrefix = "/v1/"
)

// failure is the body of a reply that is not a result.
type failure struct {
	Error string `json:"error"`
	Exit  int    `json:"exit"`
}

// Handler serves operations: POST /v1/NAME with the arguments as JSON. The
// answer is 200 with the result, or 400 with {"error": text, "exit": code}.
func Handler(ops Operations) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+pathPrefix+"{name}", func(w http.ResponseWriter, r *http.Request) {
		args, err := io.ReadAll(http.MaxBytesReader(w, r.Body, ArgumentBytesMax))
		if err != nil {
			fail(w, &Error{ExitUsage, "the arguments cannot be read: " + err.Error()})
			return
		}
		result, err := ops.run(r.Context(), r.PathValue("name"), args)
		if err != nil {
			fail(w, err)
			return
		}
		answer(w, http.StatusOK, result)
	})
	return mux
}

func fail(w http.ResponseWriter, err error) {
	e := AsError(err)
	answer(w, http.StatusBadRequest, failure{e.Text, e.Exit})
}

func answer(w http.ResponseWriter, code int, body any) {
	text, err := json.Marshal(body)
	if err != nil {
		code, text = http.StatusInternalServerError, []byte(`{"error":"the result is not JSON","exit":75}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	w.Write(text) // a client that is gone needs no answer
}

// Serve serves h on listener, 64 connections at a time, until ctx ends, then lets
// requests in progress finish for two seconds. It closes listener, and returns nil
// where ctx ended it.
func Serve(ctx context.Context, listener net.Listener, h http.Handler) error {
	server := &http.Server{Handler: h, ReadTimeout: readTimeout, WriteTimeout: writeTimeout, IdleTimeout: idleTimeout, ConnState: turnstile()}
	drained := make(chan struct{})
	goesOn := context.AfterFunc(ctx, func() {
		defer close(drained)
		drain(server)
	})
	err := server.Serve(listener)
	if goesOn() {
		return err
	}
	<-drained
	return nil
}

// turnstile has a server accept nobody while connectionsMax connections are open:
// it calls the function for a new one before it accepts another.
func turnstile() func(net.Conn, http.ConnState) {
	open := make(chan struct{}, connectionsMax)
	return func(_ net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			open <- struct{}{}
		case http.StateClosed, http.StateHijacked:
			<-open
		}
	}
}

func drain(server *http.Server) {
	patience, cancel := context.WithTimeout(context.Background(), drainTimeout)
	defer cancel()
	if server.Shutdown(patience) != nil {
		server.Close()
	}
}
