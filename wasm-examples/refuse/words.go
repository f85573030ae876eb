package main

// find returns the first of words, which are in lower case, that text has.
func find(text []byte, words []string) string {
	for _, word := range words {
		if word != "" && contains(text, word) {
			return word
		}
	}
	return ""
}

func contains(text []byte, word string) bool {
	first := word[0]
	for i := 0; i+len(word) <= len(text); i++ {
		if lowerByte(text[i]) == first && hasPrefix(text[i:], word) {
			return true
		}
	}
	return false
}

func hasPrefix(text []byte, word string) bool {
	for i := range len(word) {
		if lowerByte(text[i]) != word[i] {
			return false
		}
	}
	return true
}

func lower(words []string) []string {
	for i, word := range words {
		octets := []byte(word)
		for j, c := range octets {
			octets[j] = lowerByte(c)
		}
		words[i] = string(octets)
	}
	return words
}

func lowerByte(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}
