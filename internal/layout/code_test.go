package layout

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// maxFunction is how many lines a function may have, from its name to its last
// brace. What does not fit on two screens cannot be read at once.
const maxFunction = 90

// selfEvident are methods whose meaning the standard library has fixed.
var selfEvident = []string{"Error", "Unwrap", "String", "Len", "Less", "Swap", "Read", "Write", "Close", "Is", "As"}

// parsed calls f for each Go file that a person wrote.
func parsed(t *testing.T, f func(name string, set *token.FileSet, file *ast.File)) {
	t.Helper()
	for _, name := range ours(t) {
		if filepath.Ext(name) != ".go" || isGenerated(name) {
			continue
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, name, read(t, name), parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Error(err)
			continue
		}
		f(name, set, file)
	}
}

func TestFunctionLength(t *testing.T) {
	parsed(t, func(name string, set *token.FileSet, file *ast.File) {
		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			if n := set.Position(f.End()).Line - set.Position(f.Pos()).Line + 1; n > maxFunction {
				t.Errorf("%s: %s has %d lines, more than %d", set.Position(f.Pos()), f.Name.Name, n, maxFunction)
			}
		}
	})
}

func TestExportedNamesAreDocumented(t *testing.T) {
	documented := map[string]bool{} // folders with a package comment
	folders := map[string]bool{}
	parsed(t, func(name string, set *token.FileSet, file *ast.File) {
		if strings.HasSuffix(name, "_test.go") {
			return
		}
		dir := filepath.Dir(name)
		folders[dir] = true
		documented[dir] = documented[dir] || file.Doc != nil
		for _, d := range file.Decls {
			for _, bare := range undocumented(d) {
				t.Errorf("%s: exported %s has no comment", set.Position(d.Pos()), bare)
			}
		}
	})
	for dir := range folders {
		if !documented[dir] {
			t.Errorf("package in %s has no comment", dir)
		}
	}
}

// undocumented lists the exported names of a declaration that nobody explains.
// One comment for a group of constants or variables is enough.
func undocumented(d ast.Decl) (names []string) {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Doc == nil && d.Name.IsExported() && exportedReceiver(d) && !(d.Recv != nil && slices.Contains(selfEvident, d.Name.Name)) {
			names = append(names, d.Name.Name)
		}
	case *ast.GenDecl:
		for _, s := range d.Specs {
			switch s := s.(type) {
			case *ast.TypeSpec:
				if s.Name.IsExported() && d.Doc == nil && s.Doc == nil {
					names = append(names, s.Name.Name)
				}
			case *ast.ValueSpec:
				for _, n := range s.Names {
					if n.IsExported() && d.Doc == nil && s.Doc == nil && s.Comment == nil {
						names = append(names, n.Name)
					}
				}
			}
		}
	}
	return names
}

// exportedReceiver reports whether a method can be seen from outside.
func exportedReceiver(f *ast.FuncDecl) bool {
	if f.Recv == nil {
		return true
	}
	e := f.Recv.List[0].Type
	if p, ok := e.(*ast.StarExpr); ok {
		e = p.X
	}
	id, ok := e.(*ast.Ident)
	return ok && id.IsExported()
}
