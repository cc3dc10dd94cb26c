// Package browser holds the tests that need a real browser: whole tasks with and
// without JavaScript, accessibility, the layers against hostile mail, keys,
// history, optimistic changes and the size of the first load.
//
// It is a module of its own, so that the program does not depend on the library
// that drives Chromium.
package browser
