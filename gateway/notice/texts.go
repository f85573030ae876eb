package notice

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/template"
	"time"
	"unicode/utf8"

	"github.com/mmgw/mmgw/gateway"
)

// The names of the texts. A site replaces one by a file NAME.txt.
const (
	ConfirmJoin  = "confirm-join"  // to the address that is to join: reply to confirm that
	ConfirmLeave = "confirm-leave" // to the address that is to leave
	Joined       = "joined"        // to a new member
	Left         = "left"          // to a former member
	Help         = "help"          // what the addresses of a list are for
	Answer       = "answer"        // what became of each command
	ApprovePost  = "approve-post"  // to the moderators of a list: a post is held
	PostHeld     = "post-held"     // to the author of that post
	ApproveJoin  = "approve-join"  // to the moderators: somebody wants to join
	PostRefused  = "post-refused"  // to the owners: a post did not reach members, through no fault of theirs

	BounceProbe    = "bounce-probe"    // to a member whose mail comes back: does this arrive?
	BounceWarning  = "bounce-warning"  // to a member that gets no posts because mail came back
	BounceDisabled = "bounce-disabled" // to the owners of a list: a member gets no more posts
	BounceRemoved  = "bounce-removed"  // to the owners: a member was removed
	Complained     = "complained"      // to the owners: a member reported a post as abuse and was removed
)

// Fields are what a text can use, for example {{.List.Address}}. A field that a
// text is not given is empty.
type Fields struct {
	List    List
	Address string   // of the person that the text is about
	Token   string   // that confirms or approves
	Reply   string   // where to write to confirm or approve
	Drop    string   // where to write to refuse: of approve-post and approve-join
	Expires string   // when the token ceases to be valid
	Subject string   // of a post that is held or refused
	Reason  string   // why it is held or refused; for bounces, that of the last one
	Count   string   // of bounce-warning: how many more there will be
	Lines   []string // of answer: what became of each command
}

// List is what a text can say of a list.
type List struct {
	Name, Address, Description               string
	Owner, Join, Leave, Request, Unsubscribe string // addresses
}

// ListFields is what a text can say of l.
func ListFields(l *gateway.List) List {
	at := func(suffix string) string { return string(l.ServiceAddress(suffix)) }
	return List{
		Name: l.Address.Local(), Address: string(l.Address), Description: gateway.Printable(l.Description),
		Owner: at("-owner"), Join: at("-join"), Leave: at("-leave"), Request: at("-request"), Unsubscribe: at("-unsubscribe"),
	}
}

// DateForm is how Fields.Expires is written.
const DateForm = "Monday, 2 January 2006, 15:04 MST"

//go:embed texts/*.txt
var builtIn embed.FS

// Texts are the texts of all notices. They do not change once opened.
type Texts struct{ templates map[string]*template.Template }

// TextMax bounds the file of a text.
const TextMax = 64 << 10

// Open returns the built-in texts, each replaced by the file NAME.txt of dir if
// there is one; dir may be "". A text is a text/template in UTF-8 whose first
// line is "Subject: " with the subject and whose second line is empty. Every file
// is tried out: the error names all that have a mistake.
func Open(dir string) (*Texts, error) {
	t := &Texts{templates: map[string]*template.Template{}}
	names := Names()
	for _, name := range names {
		text, err := fs.ReadFile(builtIn, "texts/"+name+".txt")
		if err != nil {
			return nil, err
		}
		if err := t.add(name, "built-in "+name, string(text)); err != nil {
			return nil, err
		}
	}
	if dir == "" {
		return t, nil
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("texts: %w", err)
	}
	var errs []error
	for _, file := range files {
		name, isText := strings.CutSuffix(file.Name(), ".txt")
		if !isText {
			continue
		}
		path := filepath.Join(dir, file.Name())
		if !slices.Contains(names, name) {
			errs = append(errs, fmt.Errorf("%s: there is no such text; there are %s", path, strings.Join(names, ", ")))
			continue
		}
		errs = append(errs, t.replace(name, path))
	}
	return t, errors.Join(errs...)
}

// Names returns the names of all texts, sorted.
func Names() []string {
	files, _ := fs.Glob(builtIn, "texts/*.txt") // the pattern is well-formed
	for i, file := range files {
		files[i] = strings.TrimSuffix(filepath.Base(file), ".txt")
	}
	return files
}

// BuiltIn returns the built-in text of that name, "" if there is none.
func BuiltIn(name string) string {
	text, _ := fs.ReadFile(builtIn, "texts/"+name+".txt")
	return string(text)
}

func (t *Texts) replace(name, path string) error {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return fmt.Errorf("texts: %w", err)
	case !info.Mode().IsRegular() || info.Size() > TextMax:
		return fmt.Errorf("%s: a text is a file of at most %d octets", path, TextMax)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("texts: %w", err)
	}
	return t.add(name, path, string(text))
}

// add parses a text and fills it in once with something for every field.
func (t *Texts) add(name, file, text string) error {
	text = strings.ReplaceAll(text, lineEnd, "\n")
	first, rest, _ := strings.Cut(text, "\n")
	if !strings.HasPrefix(first, "Subject: ") || !strings.HasPrefix(rest, "\n") {
		return fmt.Errorf("%s:1: the first line is \"Subject: \" with the subject, the second is empty", file)
	}
	if !utf8.ValidString(text) {
		return fmt.Errorf("%s: the text is not in UTF-8", file)
	}
	parsed, err := template.New(file).Parse(text)
	if err != nil {
		return fmt.Errorf("%w", err) // names file and line
	}
	t.templates[name] = parsed
	if _, _, err := t.fill(name, sample); err != nil {
		return err
	}
	return nil
}

// sample has something in every field.
var sample = Fields{
	List: ListFields(&gateway.List{Address: "list@example.com"}), Address: "anne@example.com", Token: "token",
	Reply: "list-confirm+token@example.com", Drop: "list-confirm+other@example.com", Expires: time.Time{}.Format(DateForm),
	Subject: "a post", Reason: "a reason", Count: "1", Lines: []string{"a line"},
}

// filledMax bounds a text once it is filled in: a site's text may loop.
const filledMax = 256 << 10

// fill fills in a text.
func (t *Texts) fill(name string, fields Fields) (subject, text string, err error) {
	parsed := t.templates[name]
	if parsed == nil {
		return "", "", fmt.Errorf("there is no text %q", name)
	}
	w := &limited{left: filledMax}
	if err := parsed.Execute(w, fields.printable()); err != nil {
		return "", "", fmt.Errorf("%w", err)
	}
	head, text, _ := strings.Cut(w.String(), "\n\n")
	subject = strings.Join(strings.Fields(strings.TrimPrefix(head, "Subject: ")), " ")
	return subject, text, nil
}

// printable returns f with the fields that came from outside made printable.
func (f Fields) printable() Fields {
	for _, field := range []*string{&f.Address, &f.Subject, &f.Reason} {
		*field = gateway.Printable(*field)
	}
	lines := make([]string, len(f.Lines))
	for i := range lines {
		lines[i] = gateway.Printable(f.Lines[i])
	}
	f.Lines = lines
	return f
}

// limited is a strings.Builder that refuses to become too long.
type limited struct {
	strings.Builder
	left int
}

func (l *limited) Write(p []byte) (int, error) {
	if l.left -= len(p); l.left < 0 {
		return 0, fmt.Errorf("it becomes longer than %d octets", filledMax)
	}
	return l.Builder.Write(p)
}
