package server

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/admin"
)

// A content comes back piece by piece, as it was accepted.
func TestQueueContent(t *testing.T) {
	s := atRest(t)
	for _, size := range []int{0, 100, QueuePieceBytesMax, 2*QueuePieceBytesMax + 1} {
		text := []byte("Subject: x\r\n\r\n" + strings.Repeat("a\r\n", size/3))
		now := time.Now()
		id, w, err := s.spool.Begin(now, false)
		if err != nil {
			t.Fatal(err)
		}
		w.Write(text)
		content, err := w.Content()
		if err != nil {
			t.Fatal(err)
		}
		leg := gateway.Leg{Service: gateway.Post, List: "dev.lists.example.com", Recipients: []gateway.RecipientID{0}, Details: []string{""}}
		m := &gateway.Message{ID: id, Received: now, Content: content, Legs: []gateway.Leg{leg}}
		m.Envelope.Recipients = []gateway.Recipient{{Path: "dev@lists.example.com"}}
		if _, err := s.spool.Accept(context.Background(), m); err != nil {
			t.Fatal(err)
		}
		var got []byte
		for piece := (QueueContent{Size: 1}); int64(len(got)) < piece.Size; {
			piece = call[QueueContent](t, s, "queue.content", QueuePiece{id.String(), int64(len(got))})
			got = append(got, piece.Octets...)
		}
		if !bytes.Equal(got, text) {
			t.Errorf("%d octets came back of %d", len(got), len(text))
		}
		for _, offset := range []int64{-1, int64(len(text)) + 1} {
			err := s.Operations().Call(t.Context(), "queue.content", QueuePiece{id.String(), offset}, nil)
			if admin.AsError(err).Exit != admin.ExitData {
				t.Errorf("offset %d: %v", offset, err)
			}
		}
	}
}
