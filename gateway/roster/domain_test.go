package roster

import (
	"testing"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/store"
)

func (f *fixture) kinds(t *testing.T, want map[string]string) {
	t.Helper()
	for domain, kind := range want {
		if got := f.DomainKind(domain); got != kind {
			t.Errorf("%s is %q, want %q", domain, got, kind)
		}
	}
}

func TestDomainKind(t *testing.T) {
	f := open(t, store.NewMemory())
	aliased := fileList("news@public.example.org")
	aliased.List.AliasDomain = "Alias.example.org"
	if err := f.SetFileLists([]FileList{aliased, fileList("dev@lists.example.com")}); err != nil {
		t.Fatal(err)
	}
	f.SetForwards(map[string][]string{"mm3": {"MM3.example.com"}})
	run := f.create(t, "run@lists.example.com")
	f.kinds(t, map[string]string{
		"lists.example.com": KindList, "alias.example.org": KindList, "mm3.example.com": KindForward,
		"public.example.org": KindPublic, "example.com": "", "": "",
	})
	if err := f.SetFileLists(nil); err != nil {
		t.Fatal(err)
	}
	f.kinds(t, map[string]string{"lists.example.com": KindList, "alias.example.org": "", "public.example.org": ""})
	if err := f.DeleteList(run); err != nil {
		t.Fatal(err)
	}
	f.kinds(t, map[string]string{"lists.example.com": ""})
}

// TestUnreadList: mail for a list whose record is damaged is deferred, and its
// domain stays ours.
func TestUnreadList(t *testing.T) {
	f := open(t, store.NewMemory())
	id := f.create(t, "dev@lists.example.com")
	var b store.Batch
	b.Set(listKey(id), []byte("damaged"))
	if err := f.db.Commit(&b); err != nil {
		t.Fatal(err)
	}
	f = f.restart(t)
	for address, want := range map[gateway.ForwardPath]gateway.Class{
		"dev@lists.example.com":               gateway.Transient,
		"Dev-bounces+a=b.c@Lists.example.com": gateway.Transient,
		"other@lists.example.com":             gateway.Permanent,
	} {
		_, err := f.Resolve(t.Context(), address)
		if got := gateway.AsStatus(err).Class(); got != want {
			t.Errorf("%s: class %v: %v", address, got, err)
		}
	}
	f.kinds(t, map[string]string{"lists.example.com": KindList})
}
