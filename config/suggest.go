package config

import "strings"

// didYouMean names the known word that is nearest to the wrong one, when it is
// near enough to be a slip of the fingers or a forgotten letter.
func didYouMean(wrong string, known []string) string {
	best, limit := "", 3
	for _, k := range known {
		if d := distance(strings.ToUpper(wrong), strings.ToUpper(k)); d < limit {
			best, limit = k, d
		}
	}
	if best == "" {
		return "."
	}
	return ": did you mean " + best + "?"
}

// distance counts the letters to insert, remove, change or swap with their
// neighbour to get from a to b (optimal string alignment).
func distance(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return max(len(a), len(b))
	}
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			same := 1
			if a[i-1] == b[j-1] {
				same = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+same)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
