// Package layout holds no code, only tests that read the whole tree: which
// package may import which, how long files and functions may be, and a few
// words that must not appear. The rules are tables at the top of the files;
// change a table when there is a reason, and give the reason in the commit.
package layout
