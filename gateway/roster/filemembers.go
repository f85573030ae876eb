package roster

import (
	"cmp"
	"slices"
	"sort"
	"strings"

	"github.com/mmgw/mmgw/gateway"
)

// fileMember is a member that the configuration names.
type fileMember struct {
	path gateway.ForwardPath
	name string
}

// fileMembers are the members of one list, sorted by key. There may be a million, so they
// are kept in one text: each takes only its octets and 8 more, and the garbage collector
// has no pointers to follow.
type fileMembers struct {
	text string // path, NUL and name of each member
	ends []int  // offsets in text
}

// newFileMembers takes the first member of each key.
func newFileMembers(all []gateway.Recipient) fileMembers {
	order := make([]int32, len(all))
	size := 0
	for i := range all {
		order[i] = int32(i)
		size += len(all[i].Path) + 1 + len(all[i].Name)
	}
	key := func(i int32) string { return all[i].Path.Key() }
	slices.SortStableFunc(order, func(a, b int32) int { return cmp.Compare(key(a), key(b)) })
	order = slices.CompactFunc(order, func(a, b int32) bool { return key(a) == key(b) })
	var text strings.Builder
	text.Grow(size)
	ends := make([]int, len(order))
	for i, at := range order {
		text.WriteString(string(all[at].Path) + "\x00" + all[at].Name)
		ends[i] = text.Len()
	}
	return fileMembers{text.String(), ends}
}

func (f *fileMembers) len() int { return len(f.ends) }

func (f *fileMembers) at(i int) fileMember {
	start := 0
	if i > 0 {
		start = f.ends[i-1]
	}
	path, name, _ := strings.Cut(f.text[start:f.ends[i]], "\x00")
	return fileMember{gateway.ForwardPath(path), name}
}

// search is the index of key, or where it would be, and whether it is there.
func (f *fileMembers) search(key string) (place int, found bool) {
	return sort.Find(f.len(), func(i int) int { return strings.Compare(key, f.at(i).path.Key()) })
}
