package server

import (
	"context"
	"io"
)

// QueuePieceBytesMax bounds what one call of queue.content answers.
const QueuePieceBytesMax = 1 << 20

// QueuePiece asks for a piece of the content of a message, from an offset on.
type QueuePiece struct {
	ID     string `json:"id"`
	Offset int64  `json:"offset,omitempty"`
}

// QueueContent is a piece of a content as it was accepted, without the edits of its
// legs, the result of queue.content. The last piece ends at Size.
type QueueContent struct {
	Octets []byte `json:"octets"`
	Size   int64  `json:"size"`
}

func (s *Server) queueContent(_ context.Context, args QueuePiece) (any, error) {
	m, err := s.message(args.ID)
	if err != nil {
		return nil, err
	}
	size := m.Content.Size()
	if args.Offset < 0 || args.Offset > size {
		return nil, badData("offset %d is not within the %d octets of %s", args.Offset, size, m.ID)
	}
	r, err := m.Content.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	piece := make([]byte, min(size-args.Offset, QueuePieceBytesMax))
	if _, err := io.ReadFull(io.NewSectionReader(r, args.Offset, int64(len(piece))), piece); err != nil {
		return nil, err
	}
	return QueueContent{piece, size}, nil
}
