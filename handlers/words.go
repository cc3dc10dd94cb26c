package handlers

import (
	"strconv"
	"strings"
	"time"

	"oriel/mail"
)

// The sentences that report what an action did. Rules of voice: name the thing,
// say what happened, no exclamation marks, no blame.

// fill puts reason in place of "%s", or ends the sentence before its colon when
// there is nothing to put there.
func fill(sentence, reason string) string {
	before, after, ok := strings.Cut(sentence, "%s")
	if !ok {
		return sentence
	}
	if reason == "" {
		return strings.TrimRight(before, ": ") + "."
	}
	if after == "." {
		reason = strings.TrimRight(reason, ".")
	}
	return before + reason + after
}

// count is "1 message", "12 messages".
func count(n int) string {
	if n == 1 {
		return "1 message"
	}
	return group(n) + " messages"
}

// group writes a number with thousands separators: 2,381.
func group(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// folderLabel is the name a folder goes by in sentences.
func folderLabel(f mail.Folder) string {
	if f.Role == mail.Inbox {
		return "Inbox"
	}
	return f.Leaf()
}

// roleLabel is the English name of a role's folder, used when one is created.
func roleLabel(r mail.Role) string {
	if r == "" {
		return ""
	}
	return strings.ToUpper(string(r[:1])) + string(r[1:])
}

// outcome is the toast's sentence: what was done to how many, and what was not
// there any more. done is a sentence for many with "%s" in place of the count.
func outcome(one, many string, r mail.Result) string {
	var s string
	switch len(r.Done) {
	case 1:
		s = one
	default:
		s = fill(many, count(len(r.Done)))
	}
	switch n := len(r.Gone); {
	case n == 1 && len(r.Done) > 0:
		s += " 1 was already gone."
	case n > 1:
		s += " " + group(n) + " were already gone."
	}
	return s
}

// seconds is a Retry-After header: whole seconds, at least one.
func seconds(d time.Duration) string {
	return strconv.Itoa(max(1, int((d+time.Second-1)/time.Second)))
}

// waitWords is a waiting time as people say it.
func waitWords(d time.Duration) string {
	if d <= 90*time.Second {
		return "a minute"
	}
	return strconv.Itoa(int((d+time.Minute-1)/time.Minute)) + " minutes"
}
