package config

// keyBytesMax bounds the keys for which nearest looks for another.
const keyBytesMax = 40

// nearest is the known key that key is most likely a misspelling of, or "". At most
// a third of the octets of key may be wrong, missing or too many.
func nearest(key string, known []string) string {
	if len(key) > keyBytesMax {
		return ""
	}
	best, found := len(key)/3+1, ""
	for _, k := range known {
		if d := distance(key, k); d < best || d == best && found == "" {
			best, found = d, k
		}
	}
	return found
}

// distance is the Levenshtein distance of a and b: how many octets must be
// inserted, deleted or replaced.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replace := diagonal
			if a[i] != b[j] {
				replace++
			}
			diagonal = row[j+1]
			row[j+1] = min(replace, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
