package sandbox

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/entity"
	"github.com/mmgw/mmgw/sdk/wire"
)

const multipart = `Subject: two parts
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: text/plain; charset=iso-8859-1
Content-Transfer-Encoding: quoted-printable

gr=FC=DFe
--b
Content-Type: application/zip; name=a.zip
Content-Disposition: attachment
Content-Transfer-Encoding: base64

AAECAw==
--b--
`

// exchangeOf is an exchange of a mail with LF.
func exchangeOf(t testing.TB, phase gateway.Phase, mail string) *gateway.Exchange {
	t.Helper()
	x := exchange(t, phase)
	draft, err := gateway.OpenDraft(gateway.Bytes(strings.ReplaceAll(mail, "\n", "\r\n")))
	if err != nil {
		t.Fatal(err)
	}
	x.Draft = draft
	return x
}

func TestPartsAreRead(t *testing.T) {
	for _, test := range []struct {
		step step
		want any // string: what was read; int: the result
	}{
		{do("part_count"), 3},
		{do("part_get", 0, "type", room(99)), "multipart/mixed"},
		{do("part_get", 0, "depth", room(99)), "0"},
		{do("part_get", 0, "parent", room(99)), wire.NotFound},
		{do("part_get", 0, "size", room(99)), "0"},
		{do("part_get", 1, "type", room(99)), "text/plain"},
		{do("part_get", 1, "charset", room(99)), "iso-8859-1"},
		{do("part_get", 1, "size", room(99)), "7"},
		{do("part_get", 1, "parent", room(99)), "0"},
		{do("part_get", 1, "filename", room(99)), wire.NotFound},
		{do("part_get", 2, "filename", room(99)), "a.zip"},
		{do("part_get", 2, "disposition", room(99)), "attachment"},
		{do("part_get", 2, "depth", room(99)), "1"},
		{do("part_get", 2, "color", room(99)), wire.NotFound},
		{do("part_get", 3, "type", room(99)), wire.NotFound},
		{do("part_get", -1, "type", room(99)), wire.NotFound},
		{do("part_read", 1, 0, room(99)), "grüße"},
		{do("part_read", 1, 4, room(99)), "ße"},
		{do("part_read", 1, 7, room(99)), 0},
		{do("part_read", 1, 8, room(99)), wire.BadArgument},
		{do("part_read", 1, -1, room(99)), wire.BadArgument},
		{do("part_read", 2, 1, room(99)), "\x01\x02\x03"},
		{do("part_read", 0, 0, room(99)), 0},
		{do("part_read", 3, 0, room(99)), wire.NotFound},
	} {
		out := play(t, Spec{Name: "reader"}, exchangeOf(t, incoming, multipart), nil, test.step)
		want, isText := test.want.(string)
		number, _ := test.want.(int)
		if isText {
			number = len(want)
		}
		if out.err != nil || out.results[0] != int64(number) || isText && string(out.rooms[:len(want)]) != want {
			t.Errorf("%v: %v, %v, not %v", test.step, out.results, out.err, test.want)
		}
	}
}

func TestPartsAreReplaced(t *testing.T) {
	x := exchangeOf(t, incoming, multipart)
	out := play(t, Spec{Name: "stripper"}, x, nil,
		do("part_read", 1, 0, room(99)), do("part_replace", 1, "bye\n"), do("part_read", 1, 0, room(99)),
		do("part_replace", 2, "a.zip was böse\n"), do("part_get", 2, "size", room(9)),
		do("part_replace", 3, "x"), do("part_replace", 1, "a\xff"), do("part_replace", 1, "a\x00"), do("part_replace", 1, span{0, BodyBytesMax + 1}))
	want := []int64{7, 0, 5, 0, 2, wire.NotFound, wire.BadArgument, wire.BadArgument, wire.Limit}
	if out.err != nil || !reflect.DeepEqual(out.results, want) {
		t.Fatalf("%v, %v, not %v", out.results, out.err, want)
	}
	if got, want := edited(t, x, out.verdict.Edits), `Subject: two parts
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 7bit

bye

--b
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

a.zip was b=C3=B6se

--b--
`; got != want {
		t.Errorf("the message is\n%s\nnot\n%s", got, want)
	}
}

// TestTheMessageIsReplaced holds that the header says what the body is.
func TestTheMessageIsReplaced(t *testing.T) {
	x := exchangeOf(t, outgoing, multipart)
	out := play(t, Spec{Name: "p", Capabilities: []string{wire.CapBody}}, x, nil,
		do("part_replace", 0, "nur grüße, sonst gar nichts\n"), do("part_get", 1, "type", room(9)), do("part_count"), do("header_get", "content-type", 0, room(99)))
	if out.err != nil || !reflect.DeepEqual(out.results, []int64{0, wire.NotFound, 3, 25}) {
		t.Fatalf("%v, %v", out.results, out.err)
	}
	if got, want := edited(t, x, out.verdict.Edits), `Subject: two parts
Content-Type: text/plain; charset=utf-8
MIME-Version: 1.0
Content-Transfer-Encoding: quoted-printable

nur gr=C3=BC=C3=9Fe, sonst gar nichts
`; got != want {
		t.Errorf("the message is\n%s\nnot\n%s", got, want)
	}
}

// TestPartsAndTheWholeBody holds that a body that is written as a whole wins.
func TestPartsAndTheWholeBody(t *testing.T) {
	x := exchangeOf(t, incoming, multipart)
	out := play(t, Spec{Name: "p"}, x, nil, do("part_replace", 1, "lost"), do("body_begin"), do("body_write", "all\n"), do("part_replace", 1, "x"))
	if out.err != nil || out.results[3] != wire.BadArgument || !strings.HasSuffix(edited(t, x, out.verdict.Edits), "\n\nall\n") {
		t.Errorf("%v, %v, %s", out.results, out.err, edited(t, x, out.verdict.Edits))
	}
}

func TestPartsWhereThereAreNone(t *testing.T) {
	for phase, want := range map[gateway.Phase][]int64{
		gateway.PhaseRecipient: {wire.WrongPhase, wire.WrongPhase},
		gateway.PhaseResult:    {wire.WrongPhase, wire.WrongPhase},
		planning:               {1, wire.WrongPhase},
	} {
		if out := play(t, Spec{Name: "p"}, exchange(t, phase), nil, do("part_count"), do("part_replace", 0, "x")); !reflect.DeepEqual(out.results, want) {
			t.Errorf("phase %d: %v, not %v", phase, out.results, want)
		}
	}
	optional := Spec{Name: "p", Capabilities: []string{}, OptionalCapabilities: []string{wire.CapBody}}
	if out := play(t, optional, exchangeOf(t, incoming, multipart), nil, do("part_replace", 1, "x")); out.results[0] != wire.NotPermitted || out.verdict.Edits != nil {
		t.Errorf("not granted: %v, %v", out.results, out.verdict.Edits)
	}
}

// TestFullHeader holds that a refused replacement changes nothing.
func TestFullHeader(t *testing.T) {
	x := exchangeOf(t, incoming, strings.Repeat("X-Y: z\n", gateway.HeaderFieldsMax-2)+"\nbody\n")
	out := play(t, Spec{Name: "p"}, x, nil, do("part_replace", 0, "ü"))
	if out.err != nil || out.results[0] != wire.Limit || out.verdict.Edits != nil {
		t.Errorf("%v, %d edits, %v", out.results, len(out.verdict.Edits), out.err)
	}
}

// TestDecodingCostsFuel holds that a module cannot have the same parts decoded
// for ever: two large ones in turns are decoded each time.
func TestDecodingCostsFuel(t *testing.T) {
	part := "--b\n\n" + strings.Repeat("x", 100_000) + "\n"
	x := exchangeOf(t, incoming, "Content-Type: multipart/mixed; boundary=b\n\n"+part+part)
	var steps []step
	for i := range 100 {
		steps = append(steps, do("part_read", 1+i%2, 0, room(9)))
	}
	out := play(t, Spec{Name: "p", Fuel: 10_000_000}, x, nil, steps...)
	if failed, ok := errors.AsType[*Error](out.err); !ok || failed.Fault != OutOfFuel {
		t.Errorf("%v", out.err)
	}
}

// TestLimitsOfParts holds that the numbers of the ABI are those of the host.
func TestLimitsOfParts(t *testing.T) {
	if got, want := fmt.Sprint(entity.PartsMax, entity.DepthMax, entity.BodyMax), fmt.Sprint(wire.PartsMax, wire.PartDepthMax, BodyBytesMax); got != want {
		t.Errorf("%s, not %s", got, want)
	}
}
