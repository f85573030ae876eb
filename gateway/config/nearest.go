package config

// keyBytesMax bounds the keys for which a near one is looked for.
const keyBytesMax = 40

// nearest is the known key that key was likely meant to be, or "": at most a
// third of its characters may be wrong, missing or too many.
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

// distance counts the octets to insert, delete or replace between a and b
// (Levenshtein).
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
