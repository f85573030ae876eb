package modules

import (
	"errors"
	"io"
	"slices"

	"github.com/mmgw/mmgw/gateway"
)

// snapshotOf copies an exchange, so that it stays as it is when its call has ended. It
// returns false if the message is too large to keep, or cannot be read.
func snapshotOf(x *gateway.Exchange) (*gateway.Exchange, bool) {
	kept, m := *x, *x.Message
	kept.Rehearsal = true
	m.Legs = nil
	if m.Content != nil {
		m.Content = sizeOnly(m.Content.Size())
	}
	kept.Message = &m
	kept.Recipients = slices.Clone(x.Recipients)
	if x.Leg != nil {
		leg := *x.Leg
		kept.Leg = &leg
	}
	if x.Draft == nil {
		return &kept, true
	}
	content := x.Draft.Content()
	if content.Size() > shadowContentBytesMax {
		return nil, false
	}
	text, err := readAll(content)
	if err == nil {
		kept.Draft, err = gateway.OpenDraft(text)
	}
	return &kept, err == nil
}

func readAll(content gateway.Content) (gateway.Bytes, error) {
	r, err := content.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	text := make(gateway.Bytes, content.Size())
	_, err = io.ReadFull(r, text)
	return text, err
}

// sizeOnly stands for the content as it was received: modules can ask for its size,
// and otherwise read the draft.
type sizeOnly int64

func (s sizeOnly) Size() int64 { return int64(s) }

func (s sizeOnly) Open() (gateway.ContentReader, error) {
	return nil, errors.New("the content is not kept")
}
