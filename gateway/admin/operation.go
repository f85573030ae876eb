package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
)

// Operation looks at a gateway or changes it. args is one JSON value, or
// nothing for an operation without arguments; the result is marshalled to JSON.
// An error becomes an *Error by AsError. It is safe for concurrent use.
type Operation func(ctx context.Context, args json.RawMessage) (any, error)

// Operations are a gateway's operations by their names, "queue.ls" say: lower
// case, a family and a verb.
type Operations map[string]Operation

// Call calls an operation in the process itself. args and result are what JSON takes,
// and pass through it as they do on the way through a socket; a nil result is not
// looked at. Errors are *Error.
func (ops Operations) Call(ctx context.Context, name string, args, result any) error {
	text, err := json.Marshal(args)
	if err != nil {
		return fmt.Errorf("arguments of %s: %w", name, err)
	}
	answer, err := ops.run(ctx, name, text)
	if err != nil {
		return AsError(err)
	}
	if text, err = json.Marshal(answer); err != nil {
		return fmt.Errorf("result of %s: %w", name, err)
	}
	return unmarshalResult(name, text, result)
}

func (ops Operations) run(ctx context.Context, name string, args json.RawMessage) (any, error) {
	op := ops[name]
	if op == nil {
		return nil, &Error{ExitUsage, fmt.Sprintf("this gateway has no operation %q; is it of another version?", name)}
	}
	return op(ctx, args)
}

// On makes an Operation of a function with arguments of type A. Arguments with
// fields that A does not have are refused, so that a later command never does
// half of what it was asked for.
func On[A any](do func(ctx context.Context, args A) (any, error)) Operation {
	return func(ctx context.Context, text json.RawMessage) (any, error) {
		var args A
		decoder := json.NewDecoder(bytes.NewReader(text))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&args); err != nil && err != io.EOF {
			return nil, &Error{ExitUsage, "arguments: " + err.Error()}
		}
		return do(ctx, args)
	}
}

func unmarshalResult(name string, text []byte, result any) error {
	if result == nil {
		return nil
	}
	if err := json.Unmarshal(text, result); err != nil {
		return fmt.Errorf("result of %s: %w", name, err)
	}
	return nil
}
