package views

// shortcut is one line of the list of keys. Between joins its keys: "or", or
// "then" for a sequence.
type shortcut struct {
	Does    string
	Keys    []string
	Between string
}

type shortcutGroup struct {
	Title string
	Keys  []shortcut
}

// shortcuts are the keys that static/js binds: Gmail's letters, with Shift+j and
// Shift+k our own.
var shortcuts = []shortcutGroup{
	{"Move around", []shortcut{
		{"Next, previous message", []string{"j", "k"}, "or"},
		{"Open", []string{"o", "Enter"}, "or"},
		{"Back to the list", []string{"u"}, ""},
		{"Go to a folder by name", []string{"/"}, ""},
		{"Go to Inbox", []string{"g", "i"}, "then"},
		{"Go to Starred", []string{"g", "s"}, "then"},
		{"Go to Drafts", []string{"g", "d"}, "then"},
		{"Go to Sent", []string{"g", "t"}, "then"},
		{"Go to Archive", []string{"g", "a"}, "then"},
	}},
	{"Act", []shortcut{
		{"Archive", []string{"e"}, ""},
		{"Delete", []string{"#"}, ""},
		{"Report junk, not junk", []string{"!"}, ""},
		{"Star", []string{"s"}, ""},
		{"Mark read", []string{"Shift", "i"}, "+"},
		{"Mark unread", []string{"Shift", "u"}, "+"},
		{"Move to folder", []string{"v"}, ""},
		{"Undo", []string{"z"}, ""},
	}},
	{"Select", []shortcut{
		{"Select message", []string{"x"}, ""},
		{"Extend selection down", []string{"Shift", "j"}, "+"},
		{"Extend selection up", []string{"Shift", "k"}, "+"},
		{"Select all", []string{"*", "a"}, "then"},
		{"Select none", []string{"*", "n"}, "then"},
		{"Select unread", []string{"*", "u"}, "then"},
	}},
	{"Help", []shortcut{
		{"This list", []string{"?"}, ""},
		{"Close, clear selection", []string{"Esc"}, ""},
	}},
}
