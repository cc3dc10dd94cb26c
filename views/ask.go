package views

import "oriel/mail"

func (v ChooseView) title() string {
	if v.Do == "copy" {
		return "Copy " + plural(len(v.Refs), "message") + " to…"
	}
	return "Move " + plural(len(v.Refs), "message") + " to…"
}

func (v ChooseView) label() string {
	if v.Do == "copy" {
		return "Copy"
	}
	return "Move"
}

// choices are the folders that can take a message: not the one it is in.
func (v ChooseView) choices() []mail.Folder {
	var out []mail.Folder
	for _, f := range v.Folders {
		if !f.NoSelect && (f.Name != v.From || v.Do == "copy") {
			out = append(out, f)
		}
	}
	return out
}

// text is title and sentence in one line, for a toast: the title says what
// happened, the sentence what to do.
func (v ErrorView) text() string {
	if v.Sentence == "" || v.Title == "" {
		return v.Title + v.Sentence
	}
	return v.Title + ". " + v.Sentence
}
