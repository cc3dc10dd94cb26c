package views

import (
	"strconv"

	"oriel/mail"
)

// dayGroup is the rows under one heading.
type dayGroup struct {
	Label string
	Rows  []mail.Summary
}

// groups splits the page into days of the reader's zone. Rows keep the order of
// the list: where a message was moved in later than its neighbours arrived, a
// day has a heading of its own again.
func (v ListView) groups() []dayGroup {
	var out []dayGroup
	for _, s := range v.List.Rows {
		label := v.dayGroup(s.Arrived)
		if n := len(out); n == 0 || out[n-1].Label != label {
			out = append(out, dayGroup{Label: label})
		}
		last := &out[len(out)-1]
		last.Rows = append(last.Rows, s)
	}
	return out
}

func (v ListView) outgoing() bool { return v.List.Folder.Role.Outgoing() }

// page is the query of a neighbouring page.
func (v ListView) page(step int) mail.ListQuery {
	q := v.Query()
	q.Page += step
	return q
}

// rowID is the id of a message's row, so that a morphing swap keeps focus,
// selection and scroll.
func rowID(r mail.Ref) string {
	return "m-" + strconv.FormatUint(uint64(r.Validity), 10) + "-" + strconv.FormatUint(uint64(r.UID), 10)
}

// marked reports whether a row has any small sign.
func marked(s mail.Summary) bool { return s.Answered || s.Forwarded || s.Attachment || s.Broken }

// verb is an action as a toolbar shows it.
type verb struct {
	Do, Icon, Label, Key string
	Spare                bool // leaves narrow toolbars first
}

// verbs are the actions that make sense in a folder, after its role. Deleting
// in Trash and Junk is for good, and says so.
func verbs(r mail.Role) []verb {
	archive := verb{Do: "archive", Icon: "archive", Label: "Archive", Key: "e"}
	trash := verb{Do: "trash", Icon: "trash-2", Label: "Delete", Key: "#"}
	forGood := verb{Do: "delete", Icon: "trash-2", Label: "Delete for good", Key: "#"}
	junk := verb{Do: "junk", Icon: "shield-alert", Label: "Report junk", Key: "!", Spare: true}
	switch r {
	case mail.Junk:
		return []verb{{Do: "notjunk", Icon: "shield-check", Label: "Not junk", Key: "!"}, forGood}
	case mail.Trash:
		return []verb{archive, forGood}
	case mail.Archive:
		return []verb{trash, junk}
	case mail.Drafts:
		return []verb{trash}
	case mail.Sent:
		return []verb{archive, trash}
	}
	return []verb{archive, trash, junk}
}

func flagAction(flagged bool) string {
	if flagged {
		return "unflag"
	}
	return "flag"
}

func pressed(on bool) string { return strconv.FormatBool(on) }

func unreadText(f mail.Folder) string {
	if f.Unread == 0 {
		return ""
	}
	return count(f.Unread) + " unread"
}

func filterLabel(f mail.Filter) string {
	if f == mail.Unread {
		return "Unread"
	}
	return "Starred"
}

// rangeText is "1–50 of 2,381".
func rangeText(l mail.List) string {
	return count(l.First()) + "–" + count(l.Last()) + " of " + count(l.Matches)
}

func emptyTitle(l mail.List) string {
	switch {
	case l.Filter == mail.Unread:
		return "Nothing unread"
	case l.Filter == mail.Flagged:
		return "Nothing starred"
	}
	return folderName(l.Folder) + " is empty"
}

func emptySentence(l mail.List) string {
	switch {
	case l.Filter == mail.Unread:
		return "Every message in " + folderName(l.Folder) + " has been read."
	case l.Filter == mail.Flagged:
		return "Star a message to find it here again."
	}
	switch l.Folder.Role {
	case mail.Inbox:
		return "New mail appears here."
	case mail.Drafts:
		return "Messages you haven't finished are kept here."
	case mail.Sent:
		return "Copies of what you send are kept here."
	case mail.Archive:
		return "Archive a message to keep it out of the way."
	case mail.Junk:
		return "Messages reported as junk come here."
	case mail.Trash:
		return "Deleted messages come here first."
	}
	return "Move messages here to keep them together."
}
