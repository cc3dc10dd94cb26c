package views

import (
	"github.com/a-h/templ"

	"oriel/sanitize"
)

// sanitized writes HTML that package sanitize made. It is the only place where
// anything is written unescaped; a test searches the package for others.
func sanitized(h sanitize.HTML) templ.Component { return templ.Raw(string(h)) }
