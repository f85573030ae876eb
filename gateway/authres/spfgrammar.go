package authres

import (
	"regexp"
	"strings"
)

// spfMalformed is a record whose evaluation is a permerror.
const spfMalformed = "v=spf1 malformed"

// Parts of the grammar of RFC 7208, section 12, which ignores the case of letters.
const (
	macroExpand  = `%(?:[%_\-]|\{[slodiphv](?:[1-9]\d*)?r?[.\-+,/_=]*\})`
	macroLiteral = `[!-$&-~]`
	macroString  = `(?:` + macroExpand + `|` + macroLiteral + `)*`
	topLabel     = `(?:[a-z0-9]*[a-z][a-z0-9]*|[a-z0-9]+-[a-z0-9\-]*[a-z0-9])`
	domainSpec   = macroString + `(?:\.` + topLabel + `\.?|` + macroExpand + `)`
	cidr4        = `/(?:[0-9]|[12][0-9]|3[0-2])`
	cidr6        = `/(?:[0-9]|[1-9][0-9]|1[01][0-9]|12[0-8])`
)

// spfTerm matches a directive or one of the two known modifiers, and spfModifier any
// modifier.
var (
	spfTerm = regexp.MustCompile(`^(?i:[+?~\-]?(?:all|(?:include|exists):` + domainSpec + `|ptr(?::` + domainSpec + `)?` +
		`|(?:a|mx)(?::` + domainSpec + `)?(?:` + cidr4 + `)?(?:/` + cidr6 + `)?` +
		`|ip4:[0-9.]+(?:` + cidr4 + `)?|ip6:[0-9a-f:.]+(?:` + cidr6 + `)?)|(?:redirect|exp)=` + domainSpec + `)$`)
	spfModifier = regexp.MustCompile(`^(?i:[a-z][a-z0-9\-_.]*=` + macroString + `)$`)
)

// checkSPFRecord says whether a policy record keeps to the grammar. The whole record
// must, before any term of it counts (section 4.6). Package spf reads term by term, and
// is less strict.
func checkSPFRecord(record string) bool {
	seen := map[string]bool{}
	for _, term := range strings.Split(record, " ")[1:] {
		name, _, _ := strings.Cut(strings.ToLower(term), "=")
		known := name == "redirect" || name == "exp"
		switch {
		case term == "":
		case seen[name]: // section 6: at most once
			return false
		case !spfTerm.MatchString(term) && (known || !spfModifier.MatchString(term)):
			return false
		}
		seen[name] = known
	}
	return true
}

// hiddenSlash stands for a slash within a name, which package spf would take for the
// beginning of a prefix length.
const hiddenSlash = "\x1f"

var (
	shownSlash = strings.NewReplacer(hiddenSlash, "/")
	spfHost    = regexp.MustCompile(`^(?i:[+?~\-]?(?:a|mx):)(.*?)(?:` + cidr4 + `)?(?:/` + cidr6 + `)?$`)
)

// hideSlashes replaces slashes in the names of "a" and "mx" terms.
func hideSlashes(record string) string {
	terms := strings.Split(record, " ")
	for i, term := range terms {
		if at := spfHost.FindStringSubmatchIndex(term); at != nil {
			terms[i] = term[:at[2]] + strings.ReplaceAll(term[at[2]:at[3]], "/", hiddenSlash) + term[at[3]:]
		}
	}
	return strings.Join(terms, " ")
}
