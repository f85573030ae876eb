package bounce

import "slices"

// wordLists are the lists of words that texts are looked through for, beside the
// families.
var wordLists = []*[]string{
	&systemAuthors, &failureSubjects, &statements, &delays, &returnMarks, &openers, &ownWords, &heardWords,
	&contentPhrases, &recipientPhrases, &otherLabels, &frankHosts,
}

// PathOf reads an address as mail systems write it.
var PathOf = pathOf

// Words are all words that messages are recognised and classed by.
func Words() (all []string) {
	for _, list := range wordLists {
		all = append(all, *list...)
	}
	for _, f := range wordings {
		all = append(all, f.phrases...)
	}
	return all
}

// Without takes words away until back is called.
func Without(gone func(word string) bool) (back func()) {
	var undo []func()
	for _, list := range wordLists {
		was := *list
		*list = slices.DeleteFunc(slices.Clone(was), gone)
		undo = append(undo, func() { *list = was })
	}
	was := phrases
	left := slices.Clone(wordings)
	for i := range left {
		left[i].phrases = slices.DeleteFunc(slices.Clone(left[i].phrases), gone)
	}
	phrases = phrasesOf(left)
	return func() {
		phrases = was
		for _, f := range undo {
			f()
		}
	}
}
