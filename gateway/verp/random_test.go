package verp

import (
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/mmgw/mmgw/gateway"
)

const atext = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-/=?^_`{|}~+=+="

// randomMember is a legal address of any kind: dotted, quoted, UTF-8, with
// address literals, up to the limits of length.
func randomMember(r *rand.Rand) gateway.ForwardPath {
	for {
		var local strings.Builder
		kind := r.IntN(10)
		for range 1 + r.IntN(1+r.IntN(64)) {
			switch {
			case kind == 0:
				local.WriteByte(byte(' ' + r.IntN(95)))
			case kind == 1 && r.IntN(4) == 0:
				local.WriteRune([]rune("äéЖ字ßſK")[r.IntN(7)])
			case kind > 4:
				local.WriteByte(atext[r.IntN(62)])
			case r.IntN(9) == 0:
				local.WriteByte('.')
			default:
				local.WriteByte(atext[r.IntN(len(atext))])
			}
		}
		text := local.String()
		if kind == 0 {
			text = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`
		}
		domain := strings.Repeat("a-Long-label.", r.IntN(3)) + "example" + []string{".com", ".org", ""}[r.IntN(3)]
		switch r.IntN(20) {
		case 0:
			domain = "[192.0.2.1]"
		case 1:
			domain = "bücher.example"
		}
		if path, err := gateway.ParseForwardPath(text + "@" + domain); err == nil {
			return path
		}
	}
}

// folded changes the case of letters as remote hosts may.
func folded(r *rand.Rand, s string) string {
	switch r.IntN(4) {
	case 0:
		return strings.ToUpper(s)
	case 1:
		return strings.ToLower(s)
	case 2:
		b := []byte(s)
		for i, c := range b {
			if ('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z') && r.IntN(2) == 0 {
				b[i] = c ^ 0x20
			}
		}
		return string(b)
	}
	return s
}

// Members of any kind, through the address of every form and back: a million of
// them with MMGW_LONG=1.
func TestRandomRoundTrips(t *testing.T) {
	rounds := 50_000
	if os.Getenv("MMGW_LONG") != "" {
		rounds = 1_000_000
	}
	r := rand.New(rand.NewPCG(1, 2))
	directory := make(members)
	codec := &Codec{Keys: []Key{key}, Directory: directory}
	lists := []*gateway.List{listNamed("l@lists.example.com"), announce, listNamed("twenty-three-octets-lon@lists.example.com"), longest}
	forms := make(map[Form]int)
	for n := range rounds {
		list, member := lists[r.IntN(len(lists))], randomMember(r)
		id := gateway.QueueID(r.Uint64N(1<<50-1) + 1)
		path, form := codec.Encode(list, member, id)
		forms[form]++
		clear(directory)
		directory.add(list.ID, member)
		if len(path.Local()) > gateway.LocalPartBytesMax || len(path) > gateway.PathBytesMax || !path.IsASCII() {
			t.Fatalf("%d: %s for %s", n, path, member)
		}
		decodesTo(t, codec, list, gateway.ReversePath(folded(r, path.Local())+"@"+path.Domain()), Decoded{Form: form, Member: member, Message: id})
	}
	t.Log(forms)
	if forms[Signed] < rounds/20 || forms[Opaque] < rounds/20 || len(forms) != 2 {
		t.Errorf("the forms are %v", forms)
	}
}

// Changed bits, a hundred thousand with MMGW_LONG=1: none makes another address that is believed.
func TestBitFlips(t *testing.T) {
	rounds := 20_000
	if os.Getenv("MMGW_LONG") != "" {
		rounds = 100_000
	}
	r := rand.New(rand.NewPCG(3, 4))
	directory := make(members)
	codec := &Codec{Keys: []Key{key, oldKey}, Directory: directory}
	believed := 0
	for range rounds {
		member := randomMember(r)
		directory.add(announce.ID, member)
		path, form := codec.Encode(announce, member, message)
		if form == Plain {
			continue
		}
		_, detail, _ := codec.Split(gateway.ForwardPath(path))
		changed := []byte(detail)
		changed[r.IntN(len(changed))] ^= 1 << r.IntN(8)
		d, err := codec.Decode(announce, string(changed), now)
		switch {
		case err != nil:
		case strings.EqualFold(string(changed), detail):
			believed++
		default:
			t.Fatalf("%q, changed to %q, is believed as %+v", detail, changed, d)
		}
	}
	if believed == 0 {
		t.Error("changes of case alone are not believed: the test does not reach the tags")
	}
}

// Whatever comes: an error, or what Encode makes.
func FuzzDecode(f *testing.F) {
	directory := make(members)
	directory.add(announce.ID, "anne.smith@example.com")
	codec := &Codec{Keys: []Key{key}, AcceptMailman: true, Directory: directory}
	for _, member := range []gateway.ForwardPath{"anne@example.com", "anne.smith@example.com"} {
		path, _ := codec.Encode(announce, member, message)
		_, detail, _ := codec.Split(gateway.ForwardPath(path))
		f.Add(detail)
		f.Add(detail[messageChars:])
	}
	f.Add("anne=example.com")
	f.Add("\n\n\n\n\n\n\n\n\n\naaaaaaaaaaaaaaaa")
	f.Fuzz(func(t *testing.T, detail string) {
		d, err := codec.Decode(announce, detail, now)
		if err != nil {
			return
		}
		if d.Form == Mailman {
			if again, err := gateway.ParseForwardPath(string(d.Member)); err != nil || again != d.Member {
				t.Fatalf("%q: %+v, %v", detail, d, err)
			}
			return
		}
		path, form := codec.encodeSigned(announce, d.Member, d.Message, d.Probe)
		_, again, _ := codec.Split(gateway.ForwardPath(path))
		if form != d.Form || !strings.EqualFold(again, detail) {
			t.Fatalf("%q is believed as %+v, which is written %q", detail, d, again)
		}
	})
}
