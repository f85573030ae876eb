package gateway

import (
	"context"
	"errors"
)

// Roster knows the lists, their members and the forward domains. It is safe
// for concurrent use.
type Roster interface {
	// Resolve says what a recipient address stands for: ErrUnknownRecipient
	// for nothing.
	Resolve(ctx context.Context, path ForwardPath) (Route, error)

	// List returns a list that accepts mail or still has some queued:
	// ErrUnknownList otherwise.
	List(id ListID) (*List, error)

	// Members returns up to limit members that get posts, in a stable order,
	// past the place after, and the place to go on from: "" at the end.
	Members(id ListID, after Cursor, limit int) ([]Recipient, Cursor, error)

	// Role is owner, moderator, member or none.
	Role(id ListID, path ReversePath) (string, error)

	// NextPost counts the posts of a list, from 1.
	NextPost(id ListID) (uint64, error)
}

// ErrUnknownList says that there is no such list.
var ErrUnknownList = errors.New("no such list")

// ErrUnknownRecipient answers RCPT for an address that is not a list's and in no
// forward domain.
var ErrUnknownRecipient = &Status{Code: 550, Enhanced: EnhancedCode{5, 1, 1}, Text: "no such recipient here"}

// Cursor is a place among the members of a list; only the roster reads it.
type Cursor string
