package verp

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/mmgw/mmgw/gateway"
)

var (
	now     = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	message = gateway.NextQueueID(0, now)
	key     = Key{Secret: [KeyBytes]byte{1, 2, 3}}
	oldKey  = Key{Secret: [KeyBytes]byte{4, 5, 6}, Until: now.Add(time.Hour)}
)

func listNamed(address gateway.ForwardPath) *gateway.List {
	return &gateway.List{ID: gateway.NewListID(address), Address: address}
}

var (
	announce = listNamed("announce@lists.example.com")
	longest  = listNamed("a-name-of-thirty-nine-octets-abcdefghij@lists.example.com")
)

// members is a Directory of those that a test encoded.
type members map[string]gateway.ForwardPath

func (m members) MemberByToken(list gateway.ListID, token string) (gateway.ForwardPath, error) {
	if path, ok := m[string(list)+token]; ok {
		return path, nil
	}
	return "", ErrUnknownMember
}

func (m members) add(list gateway.ListID, paths ...gateway.ForwardPath) {
	for _, path := range paths {
		m[string(list)+Token(list, path)] = path
		for _, probe := range []bool{false, true} {
			m[string(list)+key.tag(subject{form: brief, list: list, member: path.Key(), probe: probe})] = path
		}
	}
}

func TestEncode(t *testing.T) {
	signed := &Codec{Keys: []Key{key}}
	mailman := &Codec{Keys: []Key{key}, Format: Mailman}
	for _, c := range []struct {
		codec  *Codec
		list   gateway.ForwardPath
		member gateway.ForwardPath
		form   Form
		length int // of the local part
	}{
		{signed, "announce@lists.example.com", "anne@example.com", Signed, 60},
		{signed, "announce@lists.example.com", "Anne+x=y@example.com", Signed, 64},
		{signed, "announce@lists.example.com", "anne.smith@example.com", Opaque, 59},
		{signed, "announce@lists.example.com", `"a b"@example.com`, Opaque, 59},
		{signed, "announce@lists.example.com", "änne@example.com", Opaque, 59},
		{signed, "announce@lists.example.com", "a%b@example.com", Opaque, 59},
		{signed, "announce@lists.example.com", "a@[192.0.2.1]", Opaque, 59},
		{signed, "l@lists.example.com", "anne.smith@example.com", Signed, 59},
		{signed, "thirteen-long@lists.example.com", "anne.smith@example.com", Opaque, 64},
		{signed, "fourteen-chars@lists.example.com", "anne.smith@example.com", Opaque, 55},
		{signed, "twenty-three-octets-lon@lists.example.com", "anne.smith@example.com", Opaque, 64},
		{signed, "twenty-four-octets-long-@lists.example.com", "anne.smith@example.com", Opaque, 49},
		{signed, "a-name-of-thirty-nine-octets-abcdefghij@lists.example.com", "anne.smith@example.com", Opaque, 64},
		{signed, "a-name-of-forty-octets-abcdefghijklmnopq@lists.example.com", "anne.smith@example.com", Plain, 48},
		{mailman, "announce@lists.example.com", "Anne.Smith@example.com", Mailman, 39},
		{mailman, "announce@lists.example.com", "a=b@example.com", Signed, 59},
		{mailman, "announce@lists.example.com", `"a b"@example.com`, Opaque, 59},
		{mailman, "announce@lists.example.com", "sixteen2octets2x+y@e.co", Opaque, 59},
	} {
		path, form := c.codec.Encode(listNamed(c.list), c.member, message)
		if form != c.form || len(path.Local()) != c.length || path.Domain() != c.list.Domain() {
			t.Errorf("%s for %s: %s, %s of %d octets", c.list, c.member, path, form, len(path.Local()))
		}
		if _, err := gateway.ParseReversePath(string(path)); err != nil {
			t.Error(err)
		}
	}
}

// The wire form is a promise: bounces of old mail come back for days.
func TestGolden(t *testing.T) {
	codec := &Codec{Keys: []Key{key}}
	id := gateway.QueueID(1)<<40 | 12345
	for want, encode := range map[gateway.ReversePath]func() (gateway.ReversePath, Form){
		"announce-bounces+0100000c1so2bnaimst47wfpmw+anne=example.com@lists.example.com": func() (gateway.ReversePath, Form) {
			return codec.Encode(announce, "Anne@example.com", id)
		},
		"announce-bounces+0100000c1s6uzwzexiwnkd5e22q6mjo5qa4tzuoiu7@lists.example.com": func() (gateway.ReversePath, Form) {
			return codec.Encode(announce, "anne.smith@example.com", id)
		},
		"announce-bounces+2kvrjc6gqvym4jdb@lists.example.com": func() (gateway.ReversePath, Form) {
			return codec.EncodeShared(announce), Shared
		},
		"a-name-of-thirty-nine-octets-abcdefghij-bounces+d36m3uehnujr6qyi@lists.example.com": func() (gateway.ReversePath, Form) {
			return codec.Encode(longest, "anne.smith@example.com", id)
		},
	} {
		if path, form := encode(); path != want {
			t.Errorf("%s: %s, want %s", form, path, want)
		}
	}
}

func TestRoundTrip(t *testing.T) {
	directory := make(members)
	paths := []gateway.ForwardPath{"anne@example.com", "ANNE@example.com", "a+b=c@example.com", `"q s"@example.com`, `"@\\"@example.com`,
		"änne@exämple.com", "anne.smith@a-long-domain.example.com", "x@[ipv6:::1]", "=@e.co", "+=+@e.co"}
	lists := []*gateway.List{announce, listNamed("l@e.co"), listNamed("eighteen-chars-lon@lists.example.com"), longest}
	for _, delimiter := range []string{"", "-", "_", "=", "."} {
		codec := &Codec{Keys: []Key{key}, Delimiter: delimiter, Directory: directory}
		if err := codec.Check(); err != nil {
			t.Error(err)
		}
		for _, list := range lists {
			directory.add(list.ID, paths...)
			for _, member := range paths {
				path, form := codec.Encode(list, member, message)
				probe, _ := codec.EncodeProbe(list, member, message)
				decodesTo(t, codec, list, path, Decoded{Form: form, Member: member, Message: message})
				decodesTo(t, codec, list, probe, Decoded{Form: form, Member: member, Message: message, Probe: true})
				decodesTo(t, codec, list, gateway.ReversePath(strings.ToUpper(string(path))), Decoded{Form: form, Member: member, Message: message})
			}
		}
	}
}

// decodesTo decodes path as an intake would: the list by its address first.
func decodesTo(t *testing.T, codec *Codec, list *gateway.List, path gateway.ReversePath, want Decoded) {
	t.Helper()
	posting, detail, ok := codec.Split(gateway.ForwardPath(path))
	if !ok || posting.Key() != list.Address.Key() {
		t.Fatalf("%s is split into %s and %q, %v", path, posting, detail, ok)
	}
	got, err := codec.Decode(list, detail, now)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	if len(list.Address.Local()) > 13 && got.Form == Opaque {
		want.Message = 0
	}
	if got.Form != want.Form || got.Member.Key() != want.Member.Key() || got.Message != want.Message || got.Probe != want.Probe {
		t.Fatalf("%s: %+v, want %+v", path, got, want)
	}
}

func TestShared(t *testing.T) {
	codec := &Codec{Keys: []Key{key}}
	path := codec.EncodeShared(announce)
	decodesTo(t, codec, announce, path, Decoded{Form: Shared})
	local := path.Local() + "+Anne.Smith=some.example.com" // what XVERP makes of it
	decodesTo(t, codec, announce, gateway.ReversePath(local+"@"+path.Domain()), Decoded{Form: Shared, Member: "anne.smith@some.example.com"})
	for member, want := range map[gateway.ForwardPath]bool{
		"anne.smith@some.example.com": true, "thirty.octets@with.example.com": true, "thirty-one.octets@w.example.com": false,
		"a+b@e.co": false, "a=b@e.co": false, `"a"@e.co`: false, "ä@e.co": false, "a%b@e.co": false,
	} {
		if got := codec.Shares(announce, member); got != want {
			t.Errorf("%s shares a transaction: %v", member, got)
		}
	}
	if codec.Shares(longest, "a@b.c") {
		t.Error("there is room for a member behind the longest name")
	}
}

// A rotated key opens what the old one made, and the brief form is found under both.
func TestBriefAfterRotation(t *testing.T) {
	directory := members{}
	before := &Codec{Keys: []Key{oldKey}, Directory: directory}
	path, _ := before.Encode(longest, "anne.smith@example.com", message)
	directory[string(longest.ID)+before.Token(path)] = "anne.smith@example.com"
	after := &Codec{Keys: []Key{key, oldKey}, Directory: directory}
	decodesTo(t, after, longest, path, Decoded{Form: Opaque, Member: "anne.smith@example.com"})
	if !after.StandsFor(longest.ID, "Anne.Smith@example.com", before.Token(path)) || after.StandsFor(longest.ID, "bart@example.com", before.Token(path)) {
		t.Error("the token stands for another, or for nobody")
	}
	_, detail, _ := after.Split(gateway.ForwardPath(path))
	if _, err := after.Decode(longest, detail, oldKey.Until); !errors.Is(err, ErrForged) {
		t.Errorf("when the old key has ended: %v", err)
	}
}

func TestMailman(t *testing.T) {
	for _, codec := range []*Codec{{Keys: []Key{key}, Format: Mailman}, {Keys: []Key{key}, AcceptMailman: true}} {
		for detail, member := range map[string]gateway.ForwardPath{
			"anne=example.com": "anne@example.com", "a+b=example.com": "a+b@example.com",
			"o=x=example.com": "o=x@example.com", "Anne=EXAMPLE.com": "anne@example.com",
		} {
			if d, err := codec.Decode(announce, detail, now); err != nil || d != (Decoded{Form: Mailman, Member: member}) {
				t.Errorf("%s: %+v, %v", detail, d, err)
			}
		}
	}
}

func TestDecodeErrors(t *testing.T) {
	codec := &Codec{Keys: []Key{key, oldKey}, Directory: members{}}
	detailOf := func(path gateway.ReversePath, _ Form) string {
		_, detail, _ := codec.Split(gateway.ForwardPath(path))
		return detail
	}
	bySigned := func(keys ...Key) string {
		return detailOf((&Codec{Keys: keys}).Encode(announce, "anne@example.com", message))
	}
	opaque := detailOf(codec.Encode(announce, "anne.smith@example.com", message))
	signed := bySigned(key)
	shared := detailOf(codec.EncodeShared(announce), Shared)
	for _, c := range []struct {
		detail string
		list   *gateway.List
		now    time.Time
		want   error
	}{
		{"", announce, now, ErrMalformed},
		{"anne", announce, now, ErrMalformed},
		{"anne=example.com", announce, now, ErrUnsigned},
		{"anne=", announce, now, ErrMalformed},
		{"=example.com", announce, now, ErrMalformed},
		{"a b=example.com", announce, now, ErrMalformed},
		{signed, announce, now, nil},
		{signed, listNamed("other@lists.example.com"), now, ErrForged},
		{strings.Replace(signed, "anne", "bart", 1), announce, now, ErrForged},
		{shared + "+anne=example.com", listNamed("other@lists.example.com"), now, ErrForged},
		{"0000000000" + signed[messageChars:], announce, now, ErrForged},
		{shared, announce, now, nil},
		{shared, listNamed("other@lists.example.com"), now, ErrUnknownMember},
		{signed[:messageChars+tagChars], announce, now, ErrMalformed},
		{signed[messageChars:], announce, now, ErrForged}, // a member's tag is none for all
		{opaque[messageChars:messageChars+tagChars] + "+anne=example.com", announce, now, ErrForged},
		{opaque, announce, now, ErrUnknownMember},
		{opaque[messageChars:], announce, now, ErrForged},
		{bySigned(oldKey), announce, now, nil},
		{bySigned(oldKey), announce, oldKey.Until, ErrForged},
		{bySigned(NewKey()), announce, now, ErrForged},
	} {
		if d, err := codec.Decode(c.list, c.detail, c.now); !errors.Is(err, c.want) || err == nil != (c.want == nil) {
			t.Errorf("%s: %+v, %v, want %v", c.detail, d, err, c.want)
		}
	}
}

func TestSplit(t *testing.T) {
	codec := new(Codec)
	for path, want := range map[gateway.ForwardPath][3]string{
		"announce-bounces@e.co":         {"announce@e.co", "", "ok"},
		"Announce-BOUNCES+a=b@e.co":     {"Announce@e.co", "a=b", "ok"},
		"announce-bounces+@e.co":        {"announce@e.co", "", "ok"},
		"x-bounces-bounces+a=b@e.co":    {"x-bounces@e.co", "a=b", "ok"},
		"announce@e.co":                 {"", "", ""},
		"-bounces@e.co":                 {"", "", ""},
		"-bounces+a=b@e.co":             {"", "", ""},
		"announce-bouncesx@e.co":        {"", "", ""},
		"announce-confirm+token-x@e.co": {"", "", ""},
	} {
		list, detail, ok := codec.Split(path)
		if string(list) != want[0] || detail != want[1] || ok != (want[2] == "ok") {
			t.Errorf("%s: %s, %q, %v", path, list, detail, ok)
		}
	}
}

func TestCheck(t *testing.T) {
	for _, codec := range []*Codec{{}, {Keys: []Key{key}, Delimiter: "x"}, {Keys: []Key{key}, Delimiter: "++"}, {Keys: []Key{key}, Format: "x"}} {
		if codec.Check() == nil {
			t.Errorf("%+v passes", codec)
		}
	}
}
