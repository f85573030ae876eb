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
	ConfirmJoin  = "confirm-join"  // to who asked to join: reply to do so
	ConfirmLeave = "confirm-leave" // to who asked to leave
	Joined       = "joined"        // to a new member
	Left         = "left"          // to one who left
	Help         = "help"          // what the addresses of a list are for
	Answer       = "answer"        // what became of each command
	ApprovePost  = "approve-post"  // to the moderators of a list: a post is held
	PostHeld     = "post-held"     // to the author of that post
	ApproveJoin  = "approve-join"  // to them: somebody wants to join
	PostRefused  = "post-refused"  // to the owners: members get no copy of a post, for no fault of theirs

	BounceProbe    = "bounce-probe"    // to a member whose mail comes back: does this arrive?
	BounceWarning  = "bounce-warning"  // to a member that gets no posts for that
	BounceDisabled = "bounce-disabled" // to the owners of a list: a member gets none from now on
	BounceRemoved  = "bounce-removed"  // to them: a member was removed
	Complained     = "complained"      // to them: a member says that a post is abuse, and was removed
)

// Fields are what a text can name, {{.List.Address}} say. Those of one use say
// of which; elsewhere they are empty.
type Fields struct {
	List    List
	Address string // of the person that it is about
	Token   string // that confirms or approves
	Reply   string // the address that does so when it is written to
	Drop    string // the address that refuses, of approve-post and approve-join
	Expires string // when the token is worth nothing any more
	Subject string // of a post that is held or refused
	Reason  string // why it is that; of bounces, the last one's
	Count   string // of bounce-warning: how many more there will be
	Lines   []string
}

// List is what a text can say of a list.
type List struct {
	Name, Address, Description               string
	Owner, Join, Leave, Request, Unsubscribe string // addresses
}

// ListFields are those of a list.
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

// Texts are the texts of all notices. They do not change.
type Texts struct{ templates map[string]*template.Template }

// TextMax bounds the file of a text.
const TextMax = 64 << 10

// Open returns the built-in texts, or those of a folder where it has them: "" is
// no folder. The form is that of Go's text/template; the first line is
// "Subject: " with the subject, the second is empty; it is in UTF-8. Each file is tried out, so
// that one with a mistake is an error here, and every such file is named.
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

// Names are those of all texts, sorted.
func Names() []string {
	files, _ := fs.Glob(builtIn, "texts/*.txt") // the pattern is well-formed
	for i, file := range files {
		files[i] = strings.TrimSuffix(filepath.Base(file), ".txt")
	}
	return files
}

// BuiltIn is the text of a name as it is without a file of the site.
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
	if !strings.HasPrefix(text, "Subject: ") || !strings.Contains(text, "\n\n") {
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

// filledMax bounds what a text becomes: a text of a site that loops over a
// field stays a notice.
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

// printable are the fields with what came from outside made fit to be shown.
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

// limited is a text that refuses to become too long.
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
